"""Write docs/options.md from the configuration classes: `python tools/make_options.py`."""

from __future__ import annotations

from pathlib import Path

from gantool.config import GameOptions, GANConfig, LabelOptions, Option, options_of
from gantool.plugins.registry import Registry, load_registry

_HEAD = """# Options

*Made from the code by `python tools/make_options.py`.*

Every option below is a flag (`--image-size 32`), a key in a flat TOML file given with `--config` \
(`image_size = 32`)
and an environment variable (`GANTOOL_OPT_IMAGE_SIZE=32`). Defaults < preset < file < environment \
< flags. A run's
`run.json` serves as such a file too and repeats the run; `--dry-run` shows every value and its \
source.
"""


class _AllOptions(LabelOptions, GANConfig):
    """Those of every group."""


# Of groups that not every model has.
_NOTES = {
    GameOptions.heading: "Of GANs only, and of those that their own turns honour.",
    LabelOptions.heading: "Of models that take labels only, as cgan.",
}


def _row(option: Option) -> str:
    text = option.description + (f": {', '.join(option.choices)}" if option.choices else "")
    default = option.field.default
    shown = "-"
    if default is not None:
        shown = f"`{str(default).lower() if isinstance(default, bool) else default}`"
    return f"| `{option.flag}` | {shown} | {text} |"


def _table(options: list[Option]) -> list[str]:
    return ["| option | default | what it does |", "|---|---|---|", *map(_row, options), ""]


def _pieces(registry: Registry) -> list[str]:
    """Objectives, penalties and augmentations to choose from, those of plugins included."""
    lines = []
    for heading, option, pieces in (
        ("Objectives", "--loss", registry.objectives),
        ("Penalties", "--penalty", registry.penalties),
        ("Augmentations", "--augment", registry.augmentations),
    ):
        lines += [f"### {heading}", "", f"| `{option}` | what it is | paper |", "|---|---|---|"]
        for name, piece in pieces.items():
            formula = getattr(piece, "formula", "").replace("|", "\\|")
            text = f"{piece.summary}: `{formula}`" if formula else piece.summary
            lines.append(f"| `{name}` | {text} | {piece.paper} |")
        lines.append("")
    note = "r = D(x), f = D(G(z)), sp(t) = log(1 + e^t), w the weight, E the mean over a batch."
    return [*lines, note, ""]


def render() -> str:
    """The page, for the models that gantool itself brings."""
    registry = load_registry()  # first, since it brings the names that options choose from
    lines = [_HEAD]
    common = options_of(_AllOptions)
    for heading in dict.fromkeys(option.heading for option in common):
        lines += [f"## {heading}", ""]
        if heading in _NOTES:
            lines += [_NOTES[heading], ""]
        lines += _table([o for o in common if o.heading == heading])
        if heading == GameOptions.heading:
            lines += _pieces(registry)
    for name, spec in sorted(registry.models.items()):
        if not registry.plugin_of(name).built_in:
            continue
        own = [o for o in options_of(spec.config, name) if o.key not in GANConfig.model_fields]
        lines += [f"## Options of {name}", "", *_table(own)]
        for preset, overlay in spec.presets.items():
            values = ", ".join(f"{key} = {value}" for key, value in overlay.items())
            note = f" ({spec.preset_notes[preset]})" if preset in spec.preset_notes else ""
            lines += [f"`--preset {preset}`: {values}{note}.", ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    (Path(__file__).parent.parent / "docs" / "options.md").write_text(render(), encoding="utf-8")
