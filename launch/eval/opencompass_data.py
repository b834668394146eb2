"""Data sets of a local folder, in the words of OpenCompass's configurations: what is asked of a model, and what is right.

A data set is NAME.json, and the lines of JSON that it names as `test` and, for examples in the prompt, `train`.
"""

import hashlib
import json

# The names under which OpenCompass's configurations know these classes; the hash of a configuration has them.
FULL_NAMES = {
    "PromptTemplate": "opencompass.openicl.icl_prompt_template.PromptTemplate",
    "ZeroRetriever": "opencompass.openicl.icl_retriever.ZeroRetriever",
    "FixKRetriever": "opencompass.openicl.icl_retriever.FixKRetriever",
    "PPLInferencer": "opencompass.openicl.icl_inferencer.PPLInferencer",
    "GenInferencer": "opencompass.openicl.icl_inferencer.GenInferencer",
}
SUMMARIZER = "summarizer.json"
MODES = {"PPLInferencer": "ppl", "GenInferencer": "gen"}
PARTS = {
    "ice_template": ({"type", "template", "ice_token"}, {"PromptTemplate"}),
    "prompt_template": ({"type", "template", "ice_token"}, {"PromptTemplate"}),
    "retriever": ({"type", "fix_id_list"}, {"ZeroRetriever", "FixKRetriever"}),
    "inferencer": ({"type", "max_out_len", "stopping_criteria"}, set(MODES)),
}
ROLES = {"HUMAN": "user", "BOT": "assistant", "SYSTEM": "system"}


class BadData(Exception):
    """A data set that can't be asked as its configuration says."""


def read_jsonl(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def is_meta(template):
    """Whether a template is made of rounds, and not of texts for labels."""
    return isinstance(template, dict) and "round" in template


def fill(text, entry):
    """Puts an entry's columns where the text has their names in braces; other braces stay."""
    for column, value in entry.items():
        text = text.replace("{" + column + "}", str(value))
    return text


def pieces(template, is_example=False):
    """A template as a list of (role, text); the role of a text outside of rounds is empty. Examples are the rounds alone."""
    if isinstance(template, str):
        return [("", template)]
    listed = []
    for part in ("round",) if is_example else ("begin", "round", "end"):
        items = template.get(part, [])
        listed += items if isinstance(items, list) else [items]
    return [("", item) if isinstance(item, str) else (item["role"], item.get("prompt", "")) for item in listed]


class Dataset:
    """A data set, its prompts and its right answers."""

    def __init__(self, path):
        self.path = path
        self.config = json.loads(path.read_text(encoding="utf-8"))
        self.abbr = self.config.get("abbr", path.stem)
        try:
            self._read()
        except KeyError as error:
            raise BadData(f"{path}: {error} is missing") from None

    def _read(self):
        infer = self.config["infer_cfg"]
        self._check_parts(infer)
        self.output_column = self.config["reader_cfg"]["output_column"]
        self.mode = MODES[infer["inferencer"]["type"]]
        asked = infer["prompt_template"] if "prompt_template" in infer else infer["ice_template"]
        self.template, self.ice_token = asked["template"], asked.get("ice_token")
        self.inferencer = infer["inferencer"]
        self.test = read_jsonl(self.path.parent / self.config["test"])
        example_ids = infer["retriever"].get("fix_id_list", [])
        train = read_jsonl(self.path.parent / self.config["train"]) if example_ids else []
        self.examples = [train[number] for number in example_ids]
        self.ice_template = infer["ice_template"]["template"] if example_ids else None
        self._check_template()

    def _check_parts(self, infer):
        for name, part in infer.items():
            keys, types = PARTS.get(name, (None, None))
            if keys is None or not set(part) <= keys or part["type"] not in types:
                raise BadData(f"{self.path}: {name} {part} is not served; its keys are {sorted(keys or PARTS)}"
                              + (f", its type is one of {sorted(types)}" if types else ""))

    def _check_template(self):
        if self.mode == "ppl" and (isinstance(self.template, str) or is_meta(self.template)):
            raise BadData(f"{self.path}: the prompt_template of PPLInferencer needs a template for each label")
        if self.mode == "gen" and not isinstance(self.template, str) and not is_meta(self.template):
            raise BadData(f"{self.path}: the prompt_template of GenInferencer is a text or has rounds")
        if self.mode == "gen" and "max_out_len" not in self.inferencer:
            raise BadData(f"{self.path}: GenInferencer needs max_out_len")
        if self.examples and self.ice_token is None:
            raise BadData(f"{self.path}: prompt_template needs the ice_token where examples go")

    def version(self):
        """The version that OpenCompass shows: a hash of infer_cfg, so that equal prompts have equal versions."""
        infer = {name: part | {"type": FULL_NAMES[part["type"]]} for name, part in self.config["infer_cfg"].items()}
        infer["retriever"] = dict(infer["retriever"])
        if "fix_id_list" in infer["retriever"]:
            infer["inferencer"] = infer["inferencer"] | {"fix_id_list": infer["retriever"].pop("fix_id_list")}
        return hashlib.sha256(json.dumps(infer, sort_keys=True).encode()).hexdigest()[:6]

    def labels(self):
        return list(self.template)

    def references(self):
        return [entry[self.output_column] for entry in self.test]

    def _example_pieces(self):
        """The examples as pieces; one piece without a role where they are texts, which lie inside a text then."""
        if not self.examples:
            return [("", "")]
        separator = "" if is_meta(self.ice_template) else "\n"
        examples = []
        for entry in self.examples:
            template = self.ice_template
            if isinstance(template, dict) and not is_meta(template):
                template = template[str(entry[self.output_column])]
            examples.append([(role, fill(text.replace(self.ice_token, ""), entry))
                             for role, text in pieces(template, is_example=True)])
        if all(role == "" for example in examples for role, _ in example):
            return [("", separator.join(text for example in examples for _, text in example) + separator)]
        return [piece for example in examples for piece in [*example, ("", separator)]] + [("", separator)]

    def prompt_pieces(self, entry, label=None):
        """The (role, text) pieces of an entry's prompt, with the examples; for PPL that of a label."""
        asked = entry if label is not None else entry | {self.output_column: ""}
        examples = self._example_pieces()
        found = []
        for role, text in pieces(self.template if label is None else self.template[label]):
            if self.ice_token is None or self.ice_token not in text:
                found.append((role, fill(text, asked)))
            elif len(examples) == 1:
                found.append((role, fill(text.replace(self.ice_token, examples[0][1]), asked)))
            elif role:
                raise BadData(f"{self.path}: {self.ice_token} for examples with roles stands inside a round")
            else:
                before, after = text.split(self.ice_token, 1)
                found += [("", fill(before, asked))] * bool(before) + examples + [("", fill(after, asked))] * bool(after)
        return found


def text_of(prompt):
    """A prompt for a model without roles: OpenCompass puts a line feed after each piece, also an empty one, that others follow."""
    text, separator = "", ""
    for _, piece in prompt:
        text += separator + piece if piece else ""
        separator = "\n"
    return text


def messages_of(prompt):
    """A prompt as the messages of a chat."""
    return [{"role": ROLES.get(role, "user"), "content": text} for role, text in prompt if text.strip()]


def read_folder(folder):
    """All data sets of a folder, in the order of their files' names, and its summarizer's settings."""
    datasets = [Dataset(path) for path in sorted(folder.glob("*.json")) if path.name != SUMMARIZER]
    names = [dataset.abbr for dataset in datasets]
    if not datasets:
        raise BadData(f"{folder} has no data sets (NAME.json)")
    if len(set(names)) != len(names):
        raise BadData(f"{folder}: two data sets have the same abbr")
    settings = folder / SUMMARIZER
    return datasets, json.loads(settings.read_text(encoding="utf-8")) if settings.exists() else {}
