"""Large networks whose weights are files of the user's: CLIP's image tower, and DINOv2.

They are those of torch-fidelity, fed as it feeds them. Of DINOv2 it takes no file, since it has the
code downloaded, so that timm's network stands in, which is the same.
"""

from __future__ import annotations

import warnings

import timm
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import checkpoint_filter_fn
from torch_fidelity.feature_extractor_clip import FeatureExtractorCLIP
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from gantool import ConfigError
from gantool.evaluation.extractors import large

SIZES = {384: "small", 768: "base", 1024: "large", 1536: "giant"}  # by the length of a token
_SIDE, _PATCH = 224, 14
_GRID = _SIDE // _PATCH
_OFFSET = 0.1  # DINOv2's own, in the factor by which it resizes its positions
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's


def clip(weights, *, device):
    """CLIP's image tower (any of OpenAI's, which the file tells) from a TorchScript archive.

    Raises:
        ConfigError: the file is none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # archives are an old format
            # Its name only says from where it would be downloaded.
            network = FeatureExtractorCLIP(
                "clip-vit-b-32", ["clip"], feature_extractor_weights_path=str(weights)
            )
    except Exception as error:  # torch raises many kinds for a file that is not one of its own
        raise _refused(
            weights, "CLIP", error, wanted="an archive of OpenAI's, as ViT-B-32.pt"
        ) from None
    return large("clip", network.eval(), content=weights.read_bytes(), device=device)


def dinov2(weights, *, device):
    """DINOv2 (small, base, large or giant, which the file tells), features of its class token.

    Raises:
        ConfigError: the file is none.
    """
    try:
        network = Dino(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises many kinds for a file that is not one of its own
        raise _refused(
            weights, "DINOv2", error, wanted="the authors' file, as dinov2_vits14_pretrain.pth"
        ) from None
    return large("dinov2", network, content=weights.read_bytes(), device=device)


class Dino(torch.nn.Module):
    """From uint8 [N, 3, H, W] to a tuple of features float [N, D], as torch-fidelity's networks."""

    def __init__(self, state):
        super().__init__()
        state = dict(state, pos_embed=_resized(state["pos_embed"]))
        name = f"vit_{SIZES[state['cls_token'].shape[-1]]}_patch{_PATCH}_dinov2"
        self.body = timm.create_model(name, img_size=_SIDE, num_classes=0)
        self.body.load_state_dict(checkpoint_filter_fn(state, self.body))
        self.eval().requires_grad_(False)
        self.register_buffer("mean", 255 * torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(_STD).view(1, 3, 1, 1))

    def forward(self, images):
        """Features of images."""
        x = interpolate_bilinear_2d_like_tensorflow1x(
            images.float(), size=(_SIDE, _SIDE), align_corners=False
        )
        return (self.body((x - self.mean) / self.std),)


def _resized(positions):
    """Positions [1, 1 + M * M, D] for the grid of patches here, as DINOv2 itself resizes them."""
    side = round((positions.shape[1] - 1) ** 0.5)
    first, grid = positions[:, :1], positions[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)
    if side != _GRID:
        factor = (_GRID + _OFFSET) / side
        grid = F.interpolate(grid, scale_factor=(factor, factor), mode="bicubic")
    return torch.cat([first, grid.flatten(2).transpose(1, 2)], dim=1)


def _refused(weights, title, error, *, wanted):
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return ConfigError(
        f"{weights} does not hold the weights of {title}: {reason}", f"Give {wanted}."
    )
