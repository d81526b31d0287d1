"""Generates networks.npz: sizes and logits of the timm networks that models.npz does not cover.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6 pyyaml huggingface_hub safetensors
    venv/bin/pip install --no-deps timm==1.0.31 torchvision==0.28.0
    venv/bin/python make_networks.py

`meta` contains the trainable parameters and the multiplications of convolutions and dense layers at
224x224, counted by hooks. The logits are those of two 72x72 images (18, 9, 5 and 3 pixels in the stages,
so that averaging shortcuts see an odd size). `draw` draws images and weights from names,
so they are not stored. Networks that timm lacks are timm's with a part replaced, as listed in `ORIGINALS`.
"""

import json
import math
import sys
import types
import zlib
from pathlib import Path

# torchvision's wheels need operators for CUDA, which are unused here.
sys.modules.setdefault(
    "torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations")
)

import numpy as np  # noqa: E402
import timm  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

COUNTED = [
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnet50c",
    "resnet101c",
    "resnet152c",
    "resnet18d",
    "resnet34d",
    "resnet50d",
    "resnet101d",
    "resnet152d",
    "resnet50s",
    "resnet101s",
    "resnet152s",
    "resnet10t",
    "resnet14t",
    "resnet26t",
    "resnet50t",
    "seresnet18",
    "seresnet34",
    "seresnet50",
    "seresnet101",
    "seresnet152",
    "seresnet152d",
    "seresnext50_32x4d",
    "seresnext101_32x4d",
    "ecaresnet26t",
    "ecaresnet50d",
    "ecaresnet50t",
    "ecaresnet101d",
    "resnext50_32x4d",
    "resnext50d_32x4d",
    "resnext101_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]
RUN = [
    "resnet18d",
    "resnet50s",
    "seresnet18",
    "seresnext50_32x4d",
    "ecaresnet26t",
    "ecaresnet50d",
    "wide_resnet50_2",
]


def draw(name, shape):
    """Draws standard normal numbers from the name of a parameter."""
    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)


def fill(model):
    """Draws every parameter and buffer of `model` from its name."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            z = draw(name, tuple(tensor.shape))
            if name.endswith("running_var"):
                z = np.exp(0.1 * z)
            elif name.endswith((".bias", "running_mean")):
                z = 0.1 * z
            elif tensor.ndim == 1:
                z = 1 + 0.1 * z
            else:
                z = z / math.sqrt(math.prod(tensor.shape[1:]))
            tensor.copy_(torch.tensor(z.astype(np.float32)))


def count(model):
    """Counts parameters, and multiplications of convolutions and dense layers at 224x224."""
    multiplications = 0

    def add(layer, inputs, output):
        nonlocal multiplications
        multiplications += output.numel() * math.prod(layer.weight.shape[1:])

    for layer in model.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
            layer.register_forward_hook(add)
    model.eval()(torch.zeros(1, 3, 224, 224, device="meta"))
    return sum(parameter.numel() for parameter in model.parameters()), multiplications


class ZeroPadding(nn.Module):
    """Shortcut A: every second pixel, padded with zero channels."""

    def __init__(self, strides, filters):
        super().__init__()
        self.strides, self.filters = strides, filters

    def forward(self, x):
        x = x[:, :, :: self.strides, :: self.strides]
        return nn.functional.pad(x, (0, 0, 0, 0, 0, self.filters - x.shape[1]))


class Nothing(nn.Module):
    """No shortcut."""

    def forward(self, x):
        return x.new_zeros(())


def blocks(model):
    return [block for stage in range(1, 5) for block in getattr(model, f"layer{stage}")]


def stride_first(model):
    for block in blocks(model):
        block.conv1.stride, block.conv2.stride = block.conv2.stride, (1, 1)


def option_a(model):
    for block in blocks(model):
        if block.downsample is not None:
            block.downsample = ZeroPadding(block.stride, block.conv2.out_channels)


def option_c(model):
    for block in blocks(model):
        if block.downsample is None:
            channels = block.conv2.out_channels
            block.downsample = nn.Sequential(
                nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels)
            )


def plain(model):
    for block in blocks(model):
        block.downsample = Nothing()


def blur(convolution, inputs):
    """Applies the 3x3 binomial filter to each channel, as libffcv/ffcv-imagenet before strided convolutions."""
    (x,) = inputs
    line = torch.tensor([0.25, 0.5, 0.25], dtype=x.dtype)
    filters = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
    return nn.functional.conv2d(x, filters, padding=1, groups=x.shape[1])


def blurred(model):
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d) and max(layer.stride) > 1 and layer.in_channels >= 16:
            layer.register_forward_pre_hook(blur)


ORIGINALS = {
    "blurresnet18": ("resnet18", blurred),
    "blurresnet50": ("resnet50", blurred),
    "resnet50v1": ("resnet50", stride_first),
    "resnet34v1a": ("resnet34", option_a),
    "resnet34v1c": ("resnet34", option_c),
    "plain18": ("resnet18", plain),
}


def main():
    """Writes networks.npz next to this file."""
    meta = {"counts": {}, "versions": {"timm": timm.__version__, "torch": torch.__version__}}
    for name in COUNTED:
        with torch.device("meta"):
            meta["counts"][name] = count(timm.create_model(name))
    models = {name: timm.create_model(name) for name in RUN}
    for name, (base, change) in ORIGINALS.items():
        models[name] = timm.create_model(base)
        change(models[name])
        parameters = sum(parameter.numel() for parameter in models[name].parameters())
        meta["counts"][name] = parameters, None
    images = torch.tensor(draw("images", (2, 3, 72, 72)).astype(np.float32))
    logits = {}
    for name, model in models.items():
        fill(model)
        with torch.no_grad():
            logits[name] = model.eval()(images).numpy()
    path = Path(__file__).with_name("networks.npz")
    np.savez_compressed(path, meta=np.array(json.dumps(meta)), **logits)


if __name__ == "__main__":
    main()
