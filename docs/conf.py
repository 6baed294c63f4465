"""The documentation site: `python -m sphinx -W -c docs . build/site` makes it.

Then open build/site/index.html. Sphinx reads README.md, docs/ and the changelog where they lie, so
that every page and link is the same on GitHub. What only the site has is added to pages while they
are read: the navigation, from the lists of docs/index.md, and the Python reference, for the names
that docs/api.md lists.
"""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

import gantool
from gantool.config import OptionGroup

ROOT = Path(__file__).parent.parent

project = "gantool"
author = "The gantool developers"
copyright = author
version = release = gantool.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "docs/*.ipynb", "plugins/*/README.md"]
exclude_patterns = [
    entry.name
    for entry in ROOT.iterdir()
    if entry.is_dir() and entry.name not in ("docs", "plugins")
]

# Pages as GitHub reads them.
myst_heading_anchors = 6
myst_enable_extensions = ["dollarmath"]
nb_execution_mode = "off"
highlight_language = "none"
smartquotes = False

# Docstrings say code between single backticks.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"gantool {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_extra"]  # leads from the top to the front page
html_copy_source = False
html_show_sphinx = False
html_show_search_summary = False  # a browser reads no other pages from disk
html_math_renderer = "mathml"  # browsers draw it without a script


def _math(writer: Any, node: nodes.Element) -> None:
    block = isinstance(node, nodes.math_block)
    formula = tex2mathml(node.astext(), as_block=block)
    writer.body.append(f'<div class="math">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def _navigation(page: str) -> str:
    """A hidden table of contents for each heading of the front page, of the pages that it lists."""
    made = []
    for section in page.split("\n## ")[1:]:
        heading, _, text = section.partition("\n")
        pages = re.findall(r"^- \[(.+?)\]\(([^)#]+)\)", text, re.MULTILINE)
        entries = [f"{title} <{os.path.splitext(path)[0]}>" for title, path in pages]  # noqa: PTH122
        made += ["", "```{toctree}", ":hidden:", f":caption: {heading}", "", *entries, "```"]
    return "\n".join(made)


def _reference(line: re.Match[str]) -> str:
    """The line of docs/api.md that lists a name, followed by what its docstring says."""
    thing = getattr(gantool, line["name"])
    if not getattr(thing, "__module__", "").startswith("gantool"):
        return line[0]
    kind = "function" if inspect.isfunction(thing) else "class"
    return f"```{{eval-rst}}\n.. auto{kind}:: gantool.{line['name']}\n```\n"


def _read(app: Sphinx, page: str, source: list[str]) -> None:
    # A folder is shown by its README, as on GitHub.
    source[0] = re.sub(r"\]\(((\.\./)?plugins/\w+)\)", r"](\1/README.md)", source[0])
    if page.startswith("plugins/"):  # the pages that lead to it are in the navigation
        source[0] = "---\norphan: true\n---\n\n" + source[0]
    if page == root_doc:
        source[0] += _navigation(source[0])
    if page == "docs/api":
        source[0] = re.sub(r"^- `(?P<name>\w+)`: .*\n", _reference, source[0], flags=re.MULTILINE)


def _signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, shown: str, returned: str
) -> tuple[str, str] | None:
    """Options are too many for a line, and have a page of their own."""
    is_config = what == "class" and issubclass(thing, OptionGroup)
    return ("(**options)", returned) if is_config else None


def _docstring(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Napoleon takes what stands before a colon for the type of a property."""
    if what in ("property", "attribute") and lines:
        lines[0] = lines[0].replace(": ", "; ", 1)


def _finish(app: Sphinx, tree: nodes.document) -> None:
    """Parameters and their descriptions stand apart by two hyphens, which are no sign."""
    for text in [text for text in tree.findall(nodes.Text) if text == " -- "]:
        text.parent.replace(text, nodes.Text(": "))


def setup(app: Sphinx) -> None:
    """Sphinx asks for this name."""
    app.add_html_math_renderer("mathml", (_math, None), (_math, None))
    app.connect("source-read", _read)
    app.connect("autodoc-process-docstring", _docstring, priority=400)
    app.connect("autodoc-process-signature", _signature)
    app.connect("doctree-read", _finish)
