#!/usr/bin/env python3
"""Templates and what jinja2 makes of them, set up as transformers sets it up.

    make_pairs.py           writes pairs.json beside this file from templates.json
    make_pairs.py --check   fails where jinja2 gives another result than pairs.json; exit code 77 without jinja2
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


def environment():
    import jinja2
    from jinja2.ext import Extension, loopcontrols
    from jinja2.nodes import CallBlock
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        tags = {'generation'}

        def parse(self, parser):
            line = next(parser.stream).lineno
            body = parser.parse_statements(['name:endgeneration'], drop_needle=True)
            return CallBlock(self.call_method('_written'), [], [], body).set_lineno(line)

        def _written(self, caller):
            return caller()

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters['tojson'] = tojson
    env.globals['raise_exception'] = raise_exception
    return env


def kind_of(error):
    import jinja2
    kinds = [(jinja2.exceptions.SecurityError, 'security'), (jinja2.exceptions.UndefinedError, 'undefined'),
             (jinja2.exceptions.TemplateSyntaxError, 'syntax'), (SyntaxError, 'syntax'), (ZeroDivisionError, 'zero'),
             (TypeError, 'type'), (ValueError, 'type'), (LookupError, 'type'), (OverflowError, 'type')]
    for known, kind in kinds:
        if isinstance(error, known):
            return kind
    return 'raised' if type(error) is jinja2.exceptions.TemplateError else 'type'


def result(env, pair):
    answer = {'template': pair['template'], 'variables': pair.get('variables', {})}
    try:
        answer['rendered'] = env.from_string(pair['template']).render(**answer['variables'])
    except Exception as error:  # each kind of failure is a result
        answer['error'] = kind_of(error)
        if answer['error'] == 'raised':
            answer['message'] = str(error)
    return answer


def main():
    try:
        env = environment()
    except ImportError:
        print('python3-jinja2 is not installed: NOT checked: pairs.json against jinja2')
        sys.exit(77)
    if '--check' in sys.argv:
        pairs = json.loads((HERE / 'pairs.json').read_text())
        wrong = [pair for pair in pairs if result(env, pair) != pair]
        for pair in wrong:
            print('jinja2 gives', json.dumps(result(env, pair)), 'for', json.dumps(pair))
        sys.exit(1 if wrong else 0)
    templates = json.loads((HERE / 'templates.json').read_text())
    shared = templates['variables']
    pairs = []
    for template in templates['templates']:
        names = {name: value for name, value in shared.items() if name in template}
        pairs.append(result(env, {'template': template, 'variables': names}))
    lines = ',\n'.join(json.dumps(pair, ensure_ascii=False) for pair in pairs)
    (HERE / 'pairs.json').write_text(f'[\n{lines}\n]\n')


main()
