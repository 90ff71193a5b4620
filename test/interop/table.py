"""The two tables, as doc/interop.md keeps them and ./check prints them."""

import re

BEGIN = "<!-- from here to the end: written by test/interop_test.py -->\n"


class Notes:
    """What cells say, each text once, numbered as they come."""

    def __init__(self):
        self.texts = []

    def number(self, text):
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1

    def lines(self):
        return [f"{number}. {text}" for number, text in enumerate(self.texts, 1)]


def mark(case, cell):
    if cell.works:
        return "refuses" if case.tamper else "yes"
    return "-" if cell.says.startswith("not written: ") else "no"


def note(case, name, cell, writer):
    """"" or who says what."""
    if not cell.says or case.tamper and cell.works:
        return ""
    if cell.works:
        return f"chosen by {writer}: `{cell.says}`"
    if cell.says.startswith("not written: "):
        return f"{writer}: `{cell.says.removeprefix('not written: ')}`"
    return f"{name}: `{cell.says}`"


def table(cases, columns, us, we_write):
    """`columns`: [(name of the peer, {case: cell})]."""
    notes = Notes()
    head = ["we write, read by" if we_write else "we read, written by"]
    rows = [head + [name for name, _ in columns]]
    for case in cases:
        row = [case.label]
        for name, cells in columns:
            writer, reader = (us, name) if we_write else (name, us)
            said = note(case, reader, cells[case], writer)
            row.append(mark(case, cells[case]) + (f" [{notes.number(said)}]" if said else ""))
        rows.append(row)
    return aligned(rows) + [""] + notes.lines()


def aligned(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
             for row in rows]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def text(cases, peers, us, ourselves):
    """`peers`: [(name, {case: cell} of what we write, {case: cell} of what we read)]."""
    return "\n".join([
        "## What we write", "",
        *table(cases, [(us, ourselves), *((name, ours) for name, ours, _ in peers)], us, True), "",
        "## What we read", "",
        *table(cases, [(name, theirs) for name, _, theirs in peers], us, False), ""])


def cells_of(tables):
    """{(table, row, column): "mark, what the note says"} of such a text."""
    found = {}
    for part in tables.split("## ")[1:]:
        notes = dict(re.findall(r"^(\d+)\. (.*)$", part, re.MULTILINE))
        rows = [[cell.strip() for cell in line.strip("|").split("|")]
                for line in part.splitlines() if line.startswith("| ")]
        for row in rows[1:]:
            for column, cell in zip(rows[0][1:], row[1:]):
                found[rows[0][0], row[0], column] = re.sub(
                    r" \[(\d+)\]", lambda number: f", {notes.get(number[1])}", cell)
    return found


def changes(before, after):
    """A line for each cell that is not as it was."""
    old, new = cells_of(before), cells_of(after)
    return [f"{' / '.join(place)}: was <{old.get(place)}>, is <{new.get(place)}>"
            for place in [*old, *(place for place in new if place not in old)]
            if old.get(place) != new.get(place)]


def documented(path):
    """What the document has of it."""
    return path.read_text().partition(BEGIN)[2].lstrip("\n")


def document(path, tables, versions):
    prose = re.sub(r"(?<=<!-- versions -->\n).*?(?=\n<!-- end -->)", "; ".join(versions),
                   path.read_text().partition(BEGIN)[0], flags=re.DOTALL)
    path.write_text(f"{prose}{BEGIN}\n{tables}")
