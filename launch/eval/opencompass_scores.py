"""What answers are worth, and the table that OpenCompass's summarizer prints of it."""

import re

ANY_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
HEADER = ("dataset", "version", "metric", "mode")


def normalise(text):
    """A short answer without what does not count: the first clause, no punctuation, no articles, single spaces."""
    clause = re.split(r"[\n.,]", text, maxsplit=1)[0]
    words = re.sub(r"[^\w\s]", "", clause)
    return " ".join(re.sub(r"\b(?:a|an|the)\b", "", words, flags=re.IGNORECASE).split())


def first_capital(text):
    return next((letter for letter in text if letter.isupper()), "")


def last_capital(text):
    return first_capital(text[::-1])


def first_option(text, options):
    """The letter that a phrase calls the answer, else the first option that stands alone. OpenCompass knows more phrases."""
    choice = f"[{re.escape(options)}]"
    for pattern in (rf"(?i:answer(?:\s+is)?)\s*:?\s*\(?({choice})\b", rf"(?<!\w)({choice})(?!\w)"):
        found = re.search(pattern, text)
        if found:
            return found[1]
    return ""


def last_number(text):
    """The last number before another question is asked, as for gsm8k."""
    numbers = ANY_NUMBER.findall(text.split("Question:")[0])
    return numbers[-1] if numbers else "NULL"


POSTPROCESSORS = {
    "general_postprocess": normalise,
    "first_capital_postprocess": first_capital,
    "last_capital_postprocess": last_capital,
    "first_option_postprocess": first_option,
    "gsm8k_postprocess": last_number,
}


def is_equal(prediction, reference):
    return str(prediction) == str(reference)


def is_exact_match(prediction, reference):
    references = reference if isinstance(reference, list) else [reference]
    return normalise(prediction) in [normalise(text) for text in references] + references


def is_same_number(prediction, reference):
    """`reference` is a number, or a solution that ends with `#### NUMBER`, as those of gsm8k do."""
    try:
        return abs(float(prediction) - float(str(reference).split("#### ")[-1].replace(",", ""))) < 1e-6
    except ValueError:
        return prediction == reference


# From the evaluator to its metric, and whether a prediction is right.
EVALUATORS = {
    "AccEvaluator": ("accuracy", is_equal),
    "AccwithDetailsEvaluator": ("accuracy", is_equal),
    "EMEvaluator": ("score", is_exact_match),
    "Gsm8kEvaluator": ("accuracy", is_same_number),
}


def evaluate(eval_cfg, predictions, references):
    """The metric's name and its value in percent. Raises ValueError where `eval_cfg` names what is not served."""
    steps = eval_cfg.get("pred_postprocessor")
    if steps is not None:
        options = {key: value for key, value in steps.items() if key != "type"}
        process = named(POSTPROCESSORS, "pred_postprocessor", steps["type"])
        predictions = [process(text, **options) for text in predictions]
    metric, is_right = named(EVALUATORS, "evaluator", eval_cfg["evaluator"]["type"])
    num_right = sum(is_right(*pair) for pair in zip(predictions, references, strict=True))
    return metric, 100 * num_right / len(references)


def named(table, what, name):
    if name not in table:
        raise ValueError(f"there is no {what} {name}; there are {', '.join(table)}")
    return table[name]


def add_groups(rows, groups):
    """Adds the mean of each group of the summarizer whose members all have rows. `rows` is from name to (version, metric,
    mode, values by model)."""
    for group in groups:
        members = [rows[name] for name in group["subsets"] if name in rows]
        if len(members) != len(group["subsets"]):
            continue
        weights = group.get("weights")
        shares = [weights[name] if weights else 1 for name in group["subsets"]]
        modes = {mode for _, _, mode, _ in members}
        values = {model: sum(share * values[model] for share, (_, _, _, values) in zip(shares, members)) / sum(shares)
                  for model in members[0][3]}
        metric = "weighted_average" if weights else "naive_average"
        rows[group["name"]] = ("-", metric, modes.pop() if len(modes) == 1 else "mixed", values)


def make_table(rows, models, order):
    """Lines of cells, the header first. Names of `order` that have no row get dashes."""
    lines = [[*HEADER, *models]]
    for name in order:
        if name not in rows:
            lines.append([name] + ["-"] * (len(lines[0]) - 1))
            continue
        version, metric, mode, values = rows[name]
        lines.append([name, version, metric, mode, *(f"{values[model]:.2f}" for model in models)])
    return lines


def format_table(lines):
    """The table as OpenCompass prints it (by the package tabulate): values on the right, a header has room for two more."""
    columns = list(zip(*lines))
    widths = [max(len(column[0]) + 2, *map(len, column)) for column in columns]
    on_right = [place >= len(HEADER) and "-" not in column for place, column in enumerate(columns)]
    texts = []
    for line in [lines[0], ["-" * width for width in widths], *lines[1:]]:
        cells = [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(line, widths, on_right)]
        texts.append("  ".join(cells).rstrip())
    return "\n".join(texts)
