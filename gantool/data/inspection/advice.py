"""Advice in words, from the findings about pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_MANY = 0.2  # share of the images that is worth a word
_FEW = 2_000  # images to train on
_LARGE = 4  # times as large as trained
_UNEQUAL = 2  # times as many images in the largest class as in the smallest
_FEWEST_OF_A_CLASS = 50


def advice(found: Mapping[str, Any]) -> list[str]:
    """Sentences on what to mind, and the options that help.

    Args:
        found: the document of an inspection.
    """
    parts = (_on_shapes, _on_sizes, _on_colors, _on_classes, _on_copies, _on_number)
    return [sentence for part in parts for sentence in part(found)]


def _on_shapes(found: Mapping[str, Any]) -> Iterator[str]:
    total, cut = found["images"], found["cut_off"]
    for shape in ("wider than 3:2", "taller than 2:3"):
        share = found["shapes"][shape] / total
        if share >= _MANY and found["fit"] == "crop" and cut["more_than_a_third"]:
            yield f"{_share(share)} of your pictures are {shape}; --fit pad keeps them whole."
    share = cut["more_than_a_third"] / total
    if found["fit"] == "crop" and cut["median"] > 0.1:
        yield (
            f"Half of your pictures lose {cut['median']:.0%} or more to the crop; --image-size "
            "HEIGHTxWIDTH in their own proportions, as 48x64, cuts off less."
        )
    elif found["fit"] == "stretch" and share >= _MANY:
        yield (
            f"{_share(share)} of your pictures are stretched to more than 1.5 times a side; "
            "--fit pad keeps their proportions."
        )


def _on_sizes(found: Mapping[str, Any]) -> Iterator[str]:
    sizes, total = found["sizes"], found["images"]
    if sizes["upscaled"] / total >= _MANY:
        yield (
            f"{_share(sizes['upscaled'] / total)} of your pictures are smaller than "
            f"{found['image_size']} and are enlarged, which no network can tell from blur; "
            "a smaller --image-size is honest, and quicker."
        )
    if sizes["times_as_large"] >= _LARGE:
        yield (
            f"Half of your pictures are at least {sizes['times_as_large']:.0f} times as large as "
            f"they are trained ({found['image_size']}); a larger --image-size shows more of them, "
            "at four times the cost for twice the side."
        )


def _on_colors(found: Mapping[str, Any]) -> Iterator[str]:
    total = found["images"]
    if found["clear"] and found["channels"] != 4:
        yield (
            f"{_count(found['clear'], 'picture is', 'pictures are')} transparent in places, on "
            "white now; --channels 4 trains the transparency too."
        )
    if found["nearly_gray"] == total and found["channels"] != 1:
        yield "All pictures are gray, or nearly; --channels 1 needs a third of the pixels."
    elif found["channels"] == 3 and found["nearly_gray"] / total >= _MANY:
        yield (
            f"{_share(found['nearly_gray'] / total)} of your pictures are gray among colored ones; "
            "a model will draw both kinds."
        )
    light = found["brightness"]
    odd = max(light["one_tone"] / total, light["nearly_black"] / total)
    if odd >= 0.01 and light["one_tone"]:
        yield (
            f"{_count(light['one_tone'], 'picture is', 'pictures are')} of one tone; "
            "look whether they belong there."
        )


def _on_classes(found: Mapping[str, Any]) -> Iterator[str]:
    counts = [entry["train"] for entry in found["classes"]]
    if not counts:
        return
    if max(counts) > _UNEQUAL * min(counts):
        yield (
            f"The largest class has {max(counts):,} images to train on, the smallest "
            f"{min(counts):,}: conditional models draw each as often as the data has it; "
            "--labels uniform is there for all alike."
        )
    few = sum(count < _FEWEST_OF_A_CLASS for count in counts)
    if few:
        yield (
            f"{_count(few, 'class has', 'classes have')} fewer than {_FEWEST_OF_A_CLASS} images to "
            "train on: too few for a conditional model to learn."
        )


def _on_copies(found: Mapping[str, Any]) -> Iterator[str]:
    equal, near = found["equal"], found["near"]
    if equal["with_different_classes"]:
        yield (
            f"{_count(equal['with_different_classes'], 'group', 'groups')} of equal pictures "
            f"{_is(equal['with_different_classes'])} in several classes; check their labels."
        )
    if equal["groups"]:
        yield (
            f"{equal['images']:,} pictures are in {_count(equal['groups'], 'group', 'groups')} of "
            "equal ones; --unique-test lets each count once in the test split."
        )
    if near and near["across_splits"]:
        yield (
            f"{_count(near['across_splits'], 'pair', 'pairs')} of nearly equal pictures "
            f"{_is(near['across_splits'])} in two splits, so that scores on the test split see "
            "what was trained on; remove one of each."
        )


def _on_number(found: Mapping[str, Any]) -> Iterator[str]:
    train = found["splits"]["train"]
    if train < _FEW:
        yield (
            f"{train:,} images to train on are few: begin with the weights of another run (--from "
            "RUN), in a long run let --augment ada keep the discriminator from learning them, add "
            "--flip where mirrored pictures are as good, and watch the score `memorised`."
        )


def _share(share: float) -> str:
    if share > 0.995:
        return "All"
    return "Half" if 0.475 <= share <= 0.525 else f"{share:.0%}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"
