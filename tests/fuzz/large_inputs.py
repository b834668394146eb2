#!/usr/bin/env python3
"""Makes large inputs for a target: large_inputs.py TARGET DIRECTORY [KIB]. Each has one thing very often, and is at most so
large: a megabyte, where nothing else is said."""

import json
import pathlib
import struct
import sys

MEGABYTE = (1 << 20) - 64
SIZE = MEGABYTE  # of the inputs that are made


def scaled(count):
    """How often there is room for what has room `count` times in a megabyte."""
    return count * SIZE // MEGABYTE


def times(text, before="", after=""):
    """`text` as often as there is room for."""
    return before + text * ((SIZE - len(before.encode()) - len(after.encode())) // len(text.encode())) + after


def many(make, before, after, between=","):
    """make(0), make(1), ... as often as there is room for."""
    parts, size, i = [], len(before) + len(after), 0
    while True:
        part = make(i)
        size += len(part.encode()) + len(between)
        if size > SIZE:
            return before + between.join(parts) + after
        parts.append(part)
        i += 1


def batch_line():
    completion = '{"custom_id":"a","url":"/v1/completions","body":{"max_tokens":1,'
    chat = '{"custom_id":"a","url":"/v1/chat/completions","body":{'
    hi = '"messages":[{"role":"user","content":"Hi"}],'
    yield times("a", completion + '"prompt":"', '"}}')
    ids = completion + '"prompt":[1],'
    for part in ("a", "a|", "(a*)*", "[^a]?", "(", "a{999}", ".*a"):
        yield times(part, ids + '"guided_regex":"', '"}}')
    yield ids + '"guided_regex":"' + ".*a" * 1000 + '"}}'
    yield ids + '"guided_regex":"(.*a){99999}"}}'
    yield many(lambda i: f'"{i}"', ids + '"guided_choice":[', "]}}")
    yield many(lambda i: f'"{i}":{{}}', ids + '"guided_json":{"properties":{', "}}}}")
    for keyword in ("anyOf", "allOf", "oneOf", "prefixItems"):
        yield many(lambda i: f'{{"const":{i}}}', ids + f'"guided_json":{{"{keyword}":[', "]}}}")
    schema = ids + '"guided_json":{'
    yield schema + '"pattern":"[a-z].*b","minLength":5,"maxLength":100000}}}'
    yield many(lambda i: f'"{i}":{{"pattern":"x.*{i}","maxLength":1000}}', schema + '"properties":{', "}}}}")
    yield many(lambda i: f'"{i}":{{"type":"integer","multipleOf":{i % 100 + 1}}}', schema + '"properties":{', "}}}}")
    patterns = ",".join(f'"{a}.*{b}":{{}}' for a, b in ("ab", "bc", "cd", "de"))
    yield many(lambda i: f'"{i}":{{}}', schema + f'"patternProperties":{{{patterns}}},"properties":{{', "}}}}")
    # A keyword may have 2000 parts.
    members = ",".join(f'"{i}":{{"type":"integer"}}' for i in range(scaled(2000)))
    names = ",".join(f'"{i}"' for i in range(scaled(2000)))
    for others in (f'"dependentRequired":{{{",".join(f"{chr(34)}{i}{chr(34)}:[{names}]" for i in range(8))}}}',
                   f'"propertyNames":{{"enum":[{names}]}},"additionalProperties":{{"enum":[{names}]}}',
                   f'"propertyNames":{{"anyOf":[{{"pattern":"^1"}},{{"pattern":"2$"}}]}},"additionalProperties":true,"required":[{names}]',
                   f'"not":{{"enum":[{names}]}}', f'"not":{{"required":["1","2","3"]}},"required":[{names}]',
                   '"allOf":[' + ",".join(f'{{"if":{{"required":["{i}"]}},"then":{{"required":["{i + 1}"]}}}}' for i in range(8)) + "]"):
        yield schema + f'"properties":{{{members}}},{others}}}}}}}'
    yield schema + f'"type":"string","pattern":"^(?!a)(?=.*b)","not":{{"enum":[{names}]}}}}}}}}'
    for others in ('"pattern":"^1"', '"items":{"items":{"enum":[1]}}', '"properties":{"1":{"maximum":0}},"required":["2"]'):
        yield many(lambda i: f'"{i}"', schema + others + ',"enum":[', "]}}}")
        yield many(lambda i: f'"{i}":{i}', schema + others + ',"const":{', "}}}}")
        yield times("[[1]],", schema + others + ',"enum":[', "1]}}}")
    yield many(str, schema + '"uniqueItems":true,"maxItems":9,"items":{"enum":[', "]}}}}")
    yield many(lambda i: f'"{i}":{{"$ref":"#/$defs/{i + 1}"}}', ids + '"guided_json":{"$ref":"#/$defs/0","$defs":{', "}}}}")
    yield times("ab é ", completion + '"prompt":"', '"}}')
    yield times("\\ud83d\\ude00", completion + '"prompt":"', '"}}')
    yield times("1,", completion + '"prompt":[', "1]}}")
    yield times("[1],", completion + '"prompt":[', "[1]]}}")
    yield times('"a",', completion + '"prompt":[', '"a"]}}')
    yield times("[", completion + '"prompt":', "")
    yield many(lambda i: f'"f{i}":0', completion + '"prompt":"a",', "}}")
    yield many(lambda i: f'"{i % 2048}{" " * (i // 2048)}":1', completion + '"prompt":"a","logit_bias":{', "}}}")
    yield many(lambda i: f'"s{i}"', completion + '"prompt":"a","stop":[', "]}}")
    yield many(lambda i: str(i % 2048), completion + '"prompt":"a","stop_token_ids":[', "]}}")
    yield times("c", '{"custom_id":"', '"}')
    yield times('{"role":"user","content":"Hi"},', chat + '"messages":[', '{"role":"user","content":"Hi"}]}}')
    yield many(lambda i: '{"role":"%s","content":"Hi"}' % ("user", "assistant")[i % 2], chat + '"messages":[', "]}}")
    yield times('{"type":"text","text":"a"},', chat + '"messages":[{"role":"user","content":[',
                '{"type":"text","text":"a"}]}]}}')
    call = '{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}'
    yield times(call + ",", chat + '"messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[',
                call + "]}]}}")
    yield times('{"type":"function"},', chat + hi + '"tools":[', "{}]}}")
    yield many(lambda i: f'"k{i}":[]', chat + hi + '"chat_template_kwargs":{', "}}}")


def chat_template():
    yield times("a")
    yield times("{{ a }}")
    yield times("{# #}")
    yield times("+1", "{{ 1", " }}")
    yield times("(", "{{ ")
    yield times("-", "{{ ", "1 }}")
    yield times("a,", "{{ [", "] }}")
    yield times("|upper", "{{ 'a'", " }}")
    yield times("x", "{% set a = '", "' %}{% for i in range(9999) %}{% set b = a ~ a %}{{ b|length }}{% endfor %}")
    yield times("a ", "{% set a = '", "' %}{% for i in range(999) %}{{ a.split()|length }}{{ a|replace('a', 'bb') }}{% endfor %}")
    yield times("a", "{{ '", "' in 'b' }}{{ raise_exception('x' * 100000000) }}")
    yield times("{% if a %}")
    yield times("{% if a %}{% endif %}")
    yield many(lambda i: f"{{% set a{i} = {i} %}}", "", "", "")
    yield many(lambda i: f"{{% macro m{i}() %}}{{{{ m{i - 1}() }}}}{{% endmacro %}}", "", "{{ m99() }}", "")
    yield times("{{ messages|tojson }}")
    yield times("\n", "{{ a", "\n %}")


def checkpoint_index():
    def index(make):
        return many(make, '{"metadata":{"total_size":4},"weight_map":{', "}}")
    yield index(lambda i: f'"t{i}":"model-00001-of-00002.safetensors"')
    yield index(lambda i: f'"t{i}":"model-{i:05}-of-99999.safetensors"')
    yield index(lambda i: f'"t{i}":"s{i}"')
    yield times("x", '{"weight_map":{"a":"', '"}}')
    yield many(lambda i: f'"k{i}":0', '{"weight_map":{"a":"model-00001-of-00002.safetensors"},"metadata":{', "}}")


def expert_calls():
    yield times("2, 1:1\n")
    yield times("1:", "2, ")
    yield times("2, 1:1 # freq=1073741824\n")
    yield times("1,", "2, 1:1,")
    yield times("\n")
    yield times("#")
    yield times("9", "2, 1:1 # freq=")
    yield many(lambda i: f"4, {i + 1}:1:1:1073741824", "", "", "\n")


def expert_counts():
    yield times("[1,2,3,4],", "[", "[1,2,3,4]]")
    yield times("1,", "[[", "1]]")
    yield times("[", '{"expert_popularity":')
    yield times("9", "[[")
    yield times('{"tokens":[1,2,3,4]},', '{"expert_load":[', "{}]}")
    yield many(lambda i: f'"k{i}":0', "{", "}")


def gguf():
    def text(value):
        return struct.pack("<Q", len(value)) + value

    def file(entries=(), tensors=()):
        return struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(entries)) + b"".join((*entries, *tensors)) + bytes(64)

    def array(kind, elements, count):
        return text(b"k") + struct.pack("<IIQ", 9, kind, count) + elements * count
    yield file([text(b"%d" % i) + struct.pack("<IB", 0, 0) for i in range(scaled(50_000))])
    def key(name, kind, value):
        return text(name) + struct.pack("<I", kind) + value

    def elements(kind, values):
        return struct.pack("<IQ", kind, len(values)) + b"".join(values)

    def vocabulary(tokens, score=lambda i: -i, kind=1, more=()):
        tokens = [b"<unk>", b"<s>", b"</s>"] + tokens
        kinds = [2, 3, 3] + [kind] * (len(tokens) - 3)
        return file([key(b"general.architecture", 8, text(b"llama")), key(b"tokenizer.ggml.model", 8, text(b"llama")),
                     key(b"tokenizer.ggml.tokens", 9, elements(8, [text(token) for token in tokens])),
                     key(b"tokenizer.ggml.scores", 9,
                         elements(6, [struct.pack("<f", score(i)) for i in range(len(tokens))])),
                     key(b"tokenizer.ggml.token_type", 9, elements(5, [struct.pack("<i", kind) for kind in kinds])),
                     *more])
    yield vocabulary([b"a%d" % i for i in range(scaled(40_000))])
    yield vocabulary([b"a" * (1 + i) for i in range(scaled(1_300))], score=lambda i: 0)
    yield vocabulary([b"%d" % i for i in range(scaled(40_000))], score=lambda i: -1000, kind=4)
    yield vocabulary([b"%d" % i for i in range(scaled(40_000))], kind=3)
    yield vocabulary([b"[PAD%d]" % (i + 3) for i in range(scaled(35_000))], kind=5)
    yield vocabulary([b"a"], more=[key(b"tokenizer.chat_template", 8, text(b"{{ a }}" * scaled(140_000)))])
    yield vocabulary([b"a"], more=[key(b"tokenizer.chat_template.%d" % i, 8, text(b"")) for i in range(scaled(20_000))])
    yield vocabulary([b"a"], more=[key(b"llama.%d" % i, 0, b"a") for i in range(scaled(40_000))])
    yield file([array(8, text(b""), scaled(130_000))])
    yield file([array(8, text(b"ab"), scaled(100_000))])
    yield file([array(7, b"\1", scaled(1_000_000))])
    yield file([text(b"k") + struct.pack("<I", 8) + text(b"a" * scaled(1_000_000))])
    yield file([text(b"a" * scaled(1_000_000)) + struct.pack("<IB", 0, 0)])
    yield file(tensors=[text(b"%d" % i) + struct.pack("<IQIQ", 1, 0, 0, 0) for i in range(scaled(25_000))])
    yield file(tensors=[text(b"a" * scaled(1_000_000)) + struct.pack("<IIQ", 0, 0, 0)])


def journal():
    header = 'header job { } host: "h"\n'
    zeros = "0" * 16
    yield times("9 ", header + "started ", "9")
    yield many(lambda i: f"started {i}", header, "", "\n")
    yield many(lambda i: f"answer {i} {zeros} - x", header, "", "\n")
    yield many(lambda i: f"answer {40000 - i} {zeros} - x", header, "", "\n")
    yield many(lambda i: f"answer {i * 1000} {zeros} - x", header, "", "\n")
    yield times("x", header + f"answer 1 {zeros} - ")
    yield times(f"{zeros} answer ")
    yield times(f"{zeros} answer 1\n")
    yield times("\n")
    yield times("model_file { } ", "header job { ", "}")
    yield times("\nreading 1", header + "---")


def machine_profile():
    yield times('times { kernel: "m" seconds: 1 } ', "kernels { ", "}")
    yield times("kernels { ")
    yield times("exchange { ranks: 1 } ")
    yield times("[", '{"kernels":')
    yield times('{"seconds":1,"messageBytes":"8"},', '{"exchange":{"messages":[', "{}]}}")
    yield times("1", "kernels { cores: ")
    yield times("h", 'kernels { host: "')


def routing_trace():
    yield b"\x28\xb5\x2f\xfd" * (SIZE // 4)
    header = ('header { num_layers: 1 num_experts: 2 top_k: 1 hidden_size: 1 dispatch_row_bytes: 1 return_row_bytes: 1 '
              'hosts: "a" group_size: 1 placement { layers { experts { ranks: 0 } experts { ranks: 0 } } } }\n---\n')
    step = "step { num_micro_batches: 1 expert_tokens: [0, 0] "
    tokens = SIZE // 10
    yield (header + step + f"runs {{ num_tokens: {tokens} }} experts: \"" + r"\0" * tokens + '" weights: "' +
           r"\0" * 2 * tokens + '" }')
    yield times("runs { num_tokens: 1 } ", header + step, "}")
    yield many(lambda i: f"runs {{ line: {i} num_tokens: 1 }} ", header + step, "}", " ")
    yield times("peers { } ", header + step, "}")
    yield times('hosts: "a" ', "header { ", "}")
    yield times("layers { } ", "header { placement { ", "} }")
    layers = scaled(65536)
    yield (f'header {{ num_layers: {layers} num_experts: 65536 top_k: 1 hidden_size: 1 dispatch_row_bytes: 1 '
           'return_row_bytes: 1 hosts: "a" group_size: 1 placement { ' + "layers { } " * layers + "} }")


def model_config():
    yield many(lambda i: f'"k{i}":0', '{"model_type":"mixtral",', "}")
    yield times("2,", '{"model_type":"mixtral","eos_token_id":[', "2]}")
    yield many(str, '{"eos_token_id":[', "]}")
    yield times('"x",', '{"architectures":[', '"MixtralForCausalLM"]}')
    yield times("x", '{"model_type":"', '"}')
    yield times("[", '{"rope_scaling":', "")
    yield times("1", '{"hidden_size":', "}")


def placement():
    yield times("layers { } ")
    yield times("experts { ranks: 0 } ", "layers { ", "}")
    yield times("ranks: 0 ", "layers { experts { ", "} }")
    yield times("0,", '{"layers":[{"experts":[{"ranks":[', "0]}]}]}")
    yield times("{},", '{"layers":[', "{}]}")
    yield times("0,", '{"physical_to_logical_map":[[', "0],[0]]}")
    yield times("[],", "[", "[]]")
    yield times("0, ", "initial_global_assignments: {0: [", "0]}")
    yield many(lambda i: f"  {i}: [0]\n", "initial_global_assignments:\n", "", "")
    yield times("- ")
    yield times("? ")
    yield times("[")
    yield times("{a: ")
    yield times(" ", "a:\n", "b")
    yield times("1", "random:")


def run_config():
    yield times('input: "a" ')
    yield times("m", 'model: "', '"')
    yield times("# a\n")
    yield times("seed: 1 ")
    yield times("1", "seed: ")


def safetensors():
    def file(header):
        return struct.pack("<Q", len(header.encode())) + header.encode()
    empty = '"dtype":"F32","shape":[0],"data_offsets":[0,0]'
    for header in (many(lambda i: f'"t{i}":{{{empty}}}', "{", "}"),
                   times("1,", '{"a":{"dtype":"F32","shape":[', '0],"data_offsets":[0,0]}}'),
                   many(lambda i: f'"k{i}":"v"', '{"__metadata__":{', "}}"),
                   times("a", '{"', f'":{{{empty}}}}}'), times(" ", "{"), times("[", '{"a":')):
        yield file(header)


def sentencepiece_model():
    def varint(number):
        low, high = number & 127, number >> 7
        return bytes([low | 128]) + varint(high) if high else bytes([low])

    def field(number, content):
        return varint(number << 3 | 2) + varint(len(content)) + content

    def piece(text, kind=1):
        return field(1, field(1, text.encode()) + b"\x18" + bytes([kind]))
    begin = piece("<unk>", 2) + field(2, b"\x18\x02") + field(3, field(1, b"identity"))

    def pieces(make):
        parts, size, i = [begin], len(begin), 0
        while size <= SIZE:
            parts.append(make(i))
            size += len(parts[-1])
            i += 1
        return b"".join(parts[:-1])
    yield pieces(lambda i: piece(f"p{i}"))
    yield pieces(lambda i: piece("a" * (i + 1)))
    yield pieces(lambda i: piece("a" * (i + 1), 4))
    yield pieces(lambda i: piece(f"u{i}", 4))
    yield pieces(lambda i: piece(f"c{i}", 3))
    yield begin + piece("a" * (SIZE - 200))
    yield begin + piece("é" * (SIZE // 2 - 200), 4)


def tokenizer_json():
    vocab = '"<unk>":0,"a":1,"aa":2'
    model = '{"model":{"type":"BPE","unk_token":"<unk>","vocab":{%s},"merges":[]}' % vocab
    yield many(lambda i: f'"p{i}":{i + 3}', '{"model":{"type":"BPE","merges":[],"vocab":{%s,' % vocab, "}}}")
    yield many(lambda i: f'"{"a" * (i + 3)}":{i + 3}', '{"model":{"type":"BPE","merges":[],"vocab":{%s,' % vocab, "}}}")
    yield times('"a a",', '{"model":{"type":"BPE","vocab":{%s},"merges":[' % vocab, '"a a"]}}')
    yield many(lambda i: f'{{"id":{i + 3},"content":"t{i}"}}', model + ',"added_tokens":[', "]}")
    yield many(lambda i: f'{{"id":{i + 3},"content":"{"a" * (i + 3)}"}}', model + ',"added_tokens":[', "]}")
    double = '{"type":"Replace","pattern":{"String":"a"},"content":"aa"}'
    yield times(double + ",", model + ',"normalizer":{"type":"Sequence","normalizers":[', double + "]}}")
    same = '{"type":"Replace","pattern":{"String":"a"},"content":"a"}'
    yield times(same + ",", model + ',"normalizer":{"type":"Sequence","normalizers":[', same + "]}}")
    prepend = '{"type":"Prepend","prepend":"aaaaaaaaaaaaaaaa"}'
    yield times(prepend + ",", model + ',"normalizer":{"type":"Sequence","normalizers":[', prepend + "]}}")
    yield times("x", model + ',"normalizer":{"type":"Prepend","prepend":"', '"}}')
    yield times("x", model + ',"normalizer":{"type":"', '"}}')
    space = '{"type":"Split","pattern":{"String":" "},"behavior":"Isolated","invert":false}'
    yield times(space + ",", model + ',"pre_tokenizer":{"type":"Sequence","pretokenizers":[', space + "]}}")
    yield times("1,", model + ',"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"a"}},'
                '{"Sequence":{"id":"A"}}],"special_tokens":{"a":{"ids":[', "1]}}}}")
    yield times('{"SpecialToken":{"id":"a"}},', model + ',"post_processor":{"type":"TemplateProcessing","single":[',
                '{"Sequence":{"id":"A"}}],"special_tokens":{"a":{"ids":[' + "1," * 1000 + "1]}}}}")


def tokenizer_config():
    yield many(lambda i: f'"{i + 8}":{{"content":"t{i}"}}', '{"added_tokens_decoder":{', "}}")
    yield many(lambda i: f'"{i + 8}":{{"content":"{"a" * (i + 1)}"}}', '{"added_tokens_decoder":{', "}}")
    yield many(lambda i: f'"t{i}"', '{"additional_special_tokens":[', "]}")
    yield many(lambda i: f'"t{i}":"<s>"', '{"extra_special_tokens":{', "}}")
    yield many(lambda i: f'"t{i}":{i + 8}', "{}\n---\n{}\n---\n{", "}")
    special = many(lambda i: f'"t{i}"', "", "")[:SIZE // 2].rpartition(",")[0]
    yield f'{{"additional_special_tokens":[{special}]}}\n---\n{{}}\n---\n' + "{" + \
        many(lambda i: f'"u{i}":{i + 8}', "", "")[:SIZE // 3].rpartition(",")[0] + "}"
    yield times("x", '{"tokenizer_class":"', '"}')
    yield times("x", '{"bos_token":"', '"}')
    yield many(lambda i: f'"k{i}":0', "{", "}")


TARGETS = {make.__name__: make for make in (
    batch_line, chat_template, checkpoint_index, expert_calls, expert_counts, gguf, journal, machine_profile, model_config, placement,
    routing_trace, run_config, safetensors, sentencepiece_model, tokenizer_config, tokenizer_json)}


def write(target, directory, kib=1024):
    """Returns the paths of the files that it makes."""
    global SIZE
    SIZE = int(kib) * 1024 - 64
    paths = []
    for i, data in enumerate(TARGETS[target]()):
        data = data.encode() if isinstance(data, str) else data
        assert len(data) <= int(kib) << 10, (target, i, len(data))
        paths.append(pathlib.Path(directory, f"{target}-{i}"))
        paths[-1].write_bytes(data)
    return paths


if __name__ == "__main__":
    write(*sys.argv[1:])
