"""Fill {{name}} places in the templates beside this file."""

import re
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parent / "templates"
PLACE = re.compile(r"\{\{(\w+)\}\}")


def render(template, **values):
    text = (TEMPLATES / template).read_text()
    return PLACE.sub(lambda match: str(values[match.group(1)]), text)
