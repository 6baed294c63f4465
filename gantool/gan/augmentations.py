"""Augmentations of what the discriminator sees, real and fake alike; registered like a plugin's.

torch is imported inside the functions: help lists the augmentations' names. Random numbers come
from the process's own state, which resuming keeps. Everything is differentiable twice, for gradient
penalties.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gantool.plugins.hookspecs import hookimpl
from gantool.plugins.spec import AugmentationSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gantool.config import GANConfig

TARGET = 0.6  # of E sign(D(x)) (Karras et al. 2020, section 3.2)


def recolored(x: Tensor, *, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    """Images with other colours; the parameters are [N].

    DiffAugment's: x + brightness; then the distance from the gray image times `saturation`; then
    the distance from the mean of the whole image times `contrast`. Alpha is no color and stays.
    """
    if x.shape[1] == 4:
        import torch

        colors = recolored(
            x[:, :3], brightness=brightness, saturation=saturation, contrast=contrast
        )
        return torch.cat([colors, x[:, 3:]], dim=1)
    shape = (-1, 1, 1, 1)
    x = x + brightness.view(shape)
    gray = x.mean(dim=1, keepdim=True)
    x = (x - gray) * saturation.view(shape) + gray
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return (x - mean) * contrast.view(shape) + mean


def translated(x: Tensor, *, down: Tensor, right: Tensor, most: int) -> Tensor:
    """Images [N, C, H, W] moved by whole pixels, int64 [N] each and none beyond `most`.

    Zeros (gray) come in at the edges.
    """
    import torch
    import torch.nn.functional as F

    n, _, height, width = x.shape
    padded = F.pad(x, (most, most, most, most))
    rows = torch.arange(height, device=x.device)[None] + (most - down)[:, None]
    columns = torch.arange(width, device=x.device)[None] + (most - right)[:, None]
    number = torch.arange(n, device=x.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[number, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def cut_out(x: Tensor, *, top: Tensor, left: Tensor, height: int, width: int) -> Tensor:
    """Images with a rectangle of zeros, its upper left corner int64 [N].

    It may lie over the edge.
    """
    import torch

    rows = torch.arange(x.shape[2], device=x.device)[None]
    columns = torch.arange(x.shape[3], device=x.device)[None]
    inside_rows = (rows >= top[:, None]) & (rows < top[:, None] + height)
    inside_columns = (columns >= left[:, None]) & (columns < left[:, None] + width)
    hole = inside_rows[:, None, :, None] & inside_columns[:, None, None, :]
    return x.masked_fill(hole, 0.0)


def warped(x: Tensor, maps: Tensor) -> Tensor:
    """Images under affine maps [N, 2, 3] from output to input, in [-1, 1] coordinates; bilinear.

    Outside of the image lies its mirror image. Built from `gather`, since PyTorch's own sampling
    cannot be differentiated twice.
    """
    import torch
    import torch.nn.functional as F

    n, channels, height, width = x.shape
    half = x.dtype in (torch.float16, torch.bfloat16)
    maps = maps.to(torch.float32 if half else x.dtype)
    with torch.autocast(x.device.type, enabled=False):  # eight bits are too few for a place
        grid = F.affine_grid(maps, [n, channels, height, width], align_corners=False)
    places = []
    for axis, size in ((0, width), (1, height)):
        at = ((grid[..., axis] + 1) * size - 1) / 2
        low = at.floor()
        places.append((low.long(), (at - low).to(x.dtype), size))
    (left, across, _), (top, along, _) = places
    flat = x.flatten(2)

    def corner(row: Tensor, column: Tensor) -> Tensor:
        index = _mirrored(row, height) * width + _mirrored(column, width)
        index = index.flatten(1)[:, None].expand(-1, channels, -1)
        return flat.gather(2, index).view(n, channels, height, width)

    across, along = across[:, None], along[:, None]
    above = torch.lerp(corner(top, left), corner(top, left + 1), weight=across)
    below = torch.lerp(corner(top + 1, left), corner(top + 1, left + 1), weight=across)
    return torch.lerp(above, below, weight=along)


def _mirrored(index: Tensor, size: int) -> Tensor:
    import torch

    index = index % (2 * size)
    return torch.minimum(index, 2 * size - 1 - index)


def make_diff(config: GANConfig) -> nn.Module:
    """DiffAugment with the policy "color, translation, cutout" (Zhao et al. 2020, section 3)."""
    import torch
    from torch import nn

    class DiffAugment(nn.Module):
        """Takes and gives images [N, C, H, W] in about [-1, 1]."""

        def forward(self, x: Tensor) -> Tensor:
            """Each image augmented by random numbers of its own."""
            n, _, height, width = x.shape

            def uniform() -> Tensor:
                return torch.rand(n, device=x.device, dtype=x.dtype)

            def whole(low: int, high: int) -> Tensor:
                return torch.randint(low, high + 1, (n,), device=x.device)

            x = recolored(
                x, brightness=uniform() - 0.5, saturation=2 * uniform(), contrast=uniform() + 0.5
            )
            most_down, most_right = (height + 4) // 8, (width + 4) // 8
            x = translated(
                x,
                down=whole(-most_down, most_down),
                right=whole(-most_right, most_right),
                most=max(most_down, most_right),  # asking the tensors would wait for the device
            )
            hole = ((height + 1) // 2, (width + 1) // 2)
            return cut_out(
                x,
                top=whole(0, height - hole[0] % 2) - hole[0] // 2,
                left=whole(0, width - hole[1] % 2) - hole[1] // 2,
                height=hole[0],
                width=hole[1],
            )

    return DiffAugment()


def make_ada(config: GANConfig) -> nn.Module:
    """Adaptive discriminator augmentation (Karras et al. 2020, sections 2 and 3)."""
    import torch
    from torch import nn

    class AdaptiveAugment(nn.Module):
        """Takes and gives images [N, C, H, W]; each augmentation is applied with probability p.

        Mirror, quarter turns, translation, scale, rotation, brightness and contrast; p rises while
        E sign(D(x)) of real images is above 0.6 and falls below, by 1 in `ada_images` images.
        """

        p: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("p", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            """Each image augmented by random numbers of its own."""
            # Asking an accelerator for p would wait for it; at 0 nothing is changed there either.
            if self.p.device.type == "cpu" and not self.p:
                return x
            n, (height, width) = len(x), x.shape[2:]

            def chosen(values: Tensor, neutral: float) -> Tensor:
                apply = torch.rand(n, device=x.device) < self.p
                # A number in place of the second tensor would be copied there, and waited for.
                return torch.where(apply, values, torch.full_like(values, neutral))

            def uniform(low: float, high: float) -> Tensor:
                return torch.rand(n, device=x.device) * (high - low) + low

            def normal(deviation: float) -> Tensor:
                return torch.randn(n, device=x.device) * deviation

            mirror = chosen(torch.randint(0, 2, (n,), device=x.device) * 2.0 - 1, 1.0)
            quarter = torch.randint(0, 4, (n,), device=x.device) * (math.pi / 2)
            turn = chosen(quarter, 0.0) if height == width else torch.zeros(n, device=x.device)
            angle = turn + chosen(uniform(-math.pi, math.pi), 0.0)
            scale = chosen(torch.exp2(normal(0.2)), 1.0)
            right, down = (chosen(uniform(-0.25, 0.25), 0.0) for _ in range(2))
            cosine, sine = angle.cos() / scale, angle.sin() / scale
            # Coordinates are of half the height and width: an oblong image turns without shearing.
            first = torch.stack([cosine * mirror, -sine * (height / width), right], dim=1)
            second = torch.stack([sine * mirror * (width / height), cosine, down], dim=1)
            x = warped(x, torch.stack([first, second], dim=1))
            return recolored(
                x,
                brightness=chosen(normal(0.2), 0.0).to(x.dtype),
                saturation=torch.ones(n, device=x.device, dtype=x.dtype),
                contrast=chosen(torch.exp2(normal(0.5)), 1.0).to(x.dtype),
            )

        def after_step(self, metrics: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            """Move p by what D has said of real images in the step; p is recorded."""
            if "d_sign" in metrics:
                turns = 2 if config.update == "extragradient" else config.discriminator_steps
                seen = turns * (config.batch_size or 1)
                sign = torch.sign(metrics["d_sign"].to(self.p) - TARGET)
                self.p.add_(sign * seen / config.ada_images).clamp_(0, 1)
            return {"ada_p": self.p.clone()}

    return AdaptiveAugment()


@hookimpl
def register_augmentations(register: Callable[[AugmentationSpec], None]) -> None:
    """Register diff and ada."""
    register(
        AugmentationSpec(
            name="diff",
            summary="colour, translation and cutout, always",
            paper="Zhao et al. 2020 (DiffAugment), arXiv:2006.10738",
            make=make_diff,
        )
    )
    register(
        AugmentationSpec(
            name="ada",
            summary="flips, turns, shifts, scales, colours, as often as D begins to learn by heart",
            paper="Karras et al. 2020 (ADA), arXiv:2006.06676",
            make=make_ada,
        )
    )
