#!/usr/bin/env python3
"""Writes unicode_tables.inc: what Python's str methods know of each code point, as runs.

    python3 runtime/text/jinja/unicode_tables.py > runtime/text/jinja/unicode_tables.inc
"""
import sys
import unicodedata

MAX = sys.maxunicode + 1


def ignorable(c):
    """Whether lower() looks past `c` for the letter that decides the form of a sigma."""
    return ('aΣ' + c + 'a').lower()[1] == 'σ' and ('aΣ' + c + ' ').lower()[1] == 'ς'


def properties(c):
    tests = (str.isalpha, str.isdecimal, str.isdigit, str.isnumeric, str.isspace, str.islower, str.isupper,
             str.isprintable, str.istitle, ignorable)
    flags = [bool(test(c)) for test in tests]
    flags[8] = unicodedata.category(c) == 'Lt'
    return sum(1 << bit for bit, flag in enumerate(flags) if flag)


def surrogate(code):
    return 0xD800 <= code < 0xE000


def runs_of_properties():
    """(first code point, flags), where flags change; "alternating" runs of letters take two flags."""
    flags = [0 if surrogate(code) else properties(chr(code)) for code in range(MAX)]
    runs = []
    code = 0
    while code < MAX:
        end = code
        odd = flags[code + 1] if code + 1 < MAX else flags[code]
        while end < MAX and flags[end] == (odd if (end - code) % 2 else flags[code]):
            end += 1
        same = code
        while same < MAX and flags[same] == flags[code]:
            same += 1
        if same >= end - 1:
            runs.append((code, flags[code], flags[code]))
            code = same
        else:
            runs.append((code, flags[code], odd))
            code = end
    return runs


def case_ranges(convert):
    """(first, last, step, difference) of one-to-one mappings."""
    ranges = []
    for code in range(MAX):
        if surrogate(code):
            continue
        to = convert(chr(code))
        if len(to) != 1 or ord(to) == code:
            continue
        difference = ord(to) - code
        for entry in reversed(ranges[-2:]):
            gap = code - entry[1]
            if entry[3] == difference and gap in (1, 2) and (entry[2] in (0, gap)):
                entry[1], entry[2] = code, gap
                break
        else:
            ranges.append([code, code, 0, difference])
    return [(first, last, max(step, 1), difference) for first, last, step, difference in ranges]


def lines(entries):
    text = ''
    line = '   '
    for entry in entries:
        if len(line) + len(entry) + 2 > 100:
            text += line + '\n'
            line = '   '
        line += ' ' + entry + ','
    return text + line + '\n'


def main():
    print(f'// Unicode {unicodedata.unidata_version}; made by unicode_tables.py.')
    print('constexpr PropertyRun kPropertyRuns[] = {')
    print(lines('{%#x,%d,%d}' % run for run in runs_of_properties()) + '};')
    cases = {'Upper': str.upper, 'Lower': str.lower, 'Title': str.title}
    for name, convert in cases.items():
        print(f'constexpr CaseRange k{name}Ranges[] = {{')
        print(lines('{%#x,%#x,%d,%d}' % entry for entry in case_ranges(convert)) + '};')
    for name, convert in cases.items():
        print(f'constexpr LongCase kLong{name}[] = {{')
        longer = [c for c in map(chr, range(MAX)) if not surrogate(ord(c)) and len(convert(c)) > 1]
        print(lines('{%#x,"%s"}' % (ord(c), ''.join('\\%03o' % b for b in convert(c).encode())) for c in longer) + '};')


main()
