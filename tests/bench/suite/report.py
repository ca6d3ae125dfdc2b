"""The results as Markdown, for people, and as JSON, for programs."""

import json

from section import number

LAYOUT = "| {} |"


def row(cells):
    return LAYOUT.format(" | ".join(cells))


def markdown_table(columns, rows, text_columns=1):
    rule = ["---"] * text_columns + ["---:"] * (len(columns) - text_columns)
    return "\n".join([row(columns), row(rule), *map(row, rows)])


def verdict(bar):
    if bar.value is None:
        return "not measured"
    return "met" if bar.is_met else "**missed**"


def bar_row(bar):
    wanted = f"{'≥' if bar.at_least else '≤'} {bar.bar:.2f} {bar.unit}".strip()
    if bar.value is None:
        return [bar.measure, "-", "", wanted, verdict(bar)]
    spread = f"{number(bar.value.least)}..{number(bar.value.most)}"
    return [bar.measure, number(bar.value.median), spread, wanted, verdict(bar)]


def markdown(machine, how, sections):
    parts = ["# What the bench measured", how]
    parts.append(markdown_table(["", ""], [[key, str(value)] for key, value in machine.items()], 2))
    bars = [bar for section in sections for bar in section.bars]
    if bars:
        parts += ["## Bars", """The medians of ratios of runs in turn, with the least and the most,
unless a unit says what they are; a bar is met within 15% of it.""",
                  markdown_table(["measure", "median", "least..most", "bar", ""],
                                 map(bar_row, bars))]
    for section in sections:
        parts += [f"## {section.title}", section.about]
        parts += ["Left out:\n" + "\n".join(f"- {line}" for line in section.skipped)] * bool(
            section.skipped)
        for table in section.tables:
            if table.rows:
                parts += [f"### {table.heading}", markdown_table(table.columns, table.rows)]
    return "\n\n".join(parts) + "\n"


def bar_data(bar):
    return {"measure": bar.measure, "bar": bar.bar, "at_least": bar.at_least, "unit": bar.unit,
            "value": bar.value._asdict() if bar.value else None,
            "met": bar.is_met if bar.value else None, "why_not": bar.why_not}


def as_json(machine, how, sections):
    return json.dumps({
        "machine": machine, "how": how,
        "bars": [bar_data(bar) for section in sections for bar in section.bars],
        "runs": {section.title: section.raw for section in sections},
        "skipped": {section.title: section.skipped for section in sections}},
        indent=1, ensure_ascii=False) + "\n"


