"""`from_timm`: the argument files of A1 to A3 give the recipes; arguments without counterpart are listed."""

import dataclasses
from pathlib import Path

import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.augment import ColorJitter, RandAugment, RandomErasing
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.colors import IMAGENET_MEAN, IMAGENET_STD
from keras_resnet_recipes.recipe import (
    SGD,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Lamb,
    RMSpropTF,
)
from keras_resnet_recipes.recipe.known import known_parts
from keras_resnet_recipes.recipe.timm_names import arguments
from keras_resnet_recipes.recipes import from_timm
from keras_resnet_recipes.training.learning_rate import schedule as schedule_of

FILES = Path(__file__).parent / "timm"


@pytest.fixture
def read(tmp_path):
    """Converts lines of YAML to the recipe and the unmatched arguments."""

    def from_lines(*lines, processes=1):
        file = tmp_path / "args.yaml"
        file.write_text("\n".join(lines))
        return from_timm(file, processes=processes)

    return from_lines


@pytest.mark.parametrize("name", ["A1", "A2"])
def test_the_published_arguments_give_the_published_recipe(name):
    assert from_timm(FILES / f"{name.lower()}.yaml", processes=4) == (krr.RECIPES[name](), {})


def test_a3_is_evaluated_at_the_training_size():
    recipe, unmatched = from_timm(FILES / "a3.yaml", processes=4)
    assert unmatched == {}
    (changed,) = recipe.diff(krr.A3()).rows.items()
    assert changed == ("test_size", ("160", "224"))
    assert krr.A3(**vars(recipe.replace(test_size=224))) == krr.A3()


def test_every_argument_has_a_counterpart_or_none():
    names = {field.name for field in dataclasses.fields(krr.Recipe)}
    names |= {
        name for part in known_parts().values() for name in (part.label(), *part.flat_names())
    }
    for name, (_, here) in arguments().items():
        assert here in ("none", "no effect") or here.startswith("fit: ") or {*here.split()} <= names
        assert name.isidentifier()


def test_missing_arguments_have_the_defaults_of_the_script(read):
    recipe, unmatched = read("model: resnet50")
    assert unmatched == {}
    assert recipe.optimizer == SGD(weight_decay=2e-5, nesterov=True, momentum=0.9)
    # 0.1 * 128 / 256
    assert (recipe.batch_size, recipe.learning_rate) == (128, 0.05)
    assert ColorJitter(0.4, 0.4, 0.4) in recipe.augmentation
    assert (recipe.test_crop_ratio, recipe.precision) == (0.95, "float32")
    assert recipe.loss == CategoricalCrossentropy(label_smoothing=0.1)


@pytest.mark.parametrize(
    ("lines", "rate"),
    [
        # 4 processes, 128 images each, 2 micro-batches: 1024 = 4 * 256
        (["opt: sgd", "lr_base: 0.1"], 0.4),
        (["opt: lamb", "lr_base: 0.001"], 0.002),
        (["opt: adamw", "lr_base: 0.001"], 0.002),
        (["opt: lamb", "lr_base: 0.001", "lr_base_scale: linear"], 0.004),
        (["opt: sgd", "lr_base: 0.1", "lr_base_size: 1024"], 0.1),
        (["opt: sgd", "lr_base: 0.1", "lr: 3e-1"], 0.3),
    ],
)
def test_the_learning_rate_is_scaled_as_in_the_script(read, lines, rate):
    recipe, _ = read(*lines, "grad_accum_steps: 2", processes=4)
    assert recipe.learning_rate == pytest.approx(rate, rel=1e-15)
    assert (recipe.batch_size, recipe.gradient_accumulation_steps) == (1024, 2)


def test_optimizers(read):
    recipe, unmatched = read("opt: lambc", "clip_grad: 0.5")
    assert type(recipe.optimizer) is Lamb
    assert (recipe.gradient_clip, unmatched) == (0.5, {"opt": "lambc"})
    # The default epsilon is 1e-10 in timm and 1e-3 here.
    recipe, unmatched = read("opt: rmsproptf", "clip_grad: 0.01", "clip_mode: agc")
    assert type(recipe.optimizer) is RMSpropTF
    assert recipe.adaptive_gradient_clip == 0.01
    assert unmatched == {"opt_eps": 1e-10}
    assert read("opt: rmsproptf", "opt_eps: 0.001")[1] == {}
    assert not read("opt: momentum")[0].nesterov
    _, unmatched = read("opt: adamw", "opt_betas: [0.9, 0.95]", "clip_grad: 1", "clip_mode: value")
    assert unmatched == {"opt_betas": [0.9, 0.95], "clip_grad": 1, "clip_mode": "value"}


def test_schedules(read, golden):
    recipe, _ = read("epochs: 90", "warmup_prefix: true", "sched_on_updates: true")
    assert (recipe.epochs, recipe.warmup_prefix, recipe.schedule_per) == (95, True, "update")
    case = golden("schedules").meta["cases"]["stairs"]
    recipe, unmatched = read(
        "sched: step",
        "epochs: 100",
        f"lr: {case['lr']}",
        f"decay_epochs: {case['decay_t']}",
        f"decay_rate: {case['decay_rate']}",
        f"warmup_epochs: {case['warmup_t']}",
        f"warmup_lr: {case['warmup']}",
    )
    assert unmatched == {}
    schedule, rates = schedule_of(recipe), golden("schedules")["stairs"]
    assert [schedule(epoch) for epoch in range(100)] == pytest.approx(rates, rel=1e-12)
    recipe, _ = read("sched: multistep", "decay_milestones: [30, 60]", "warmup_epochs: 0")
    assert recipe.step_epochs == (29, 59)


def test_augmentation(read):
    recipe, unmatched = read("aa: rand-m9-n3-p0.3-mstd1-inc1", "reprob: 0.25", "color_jitter: 0.4")
    assert recipe.augmentation_of(RandAugment) == RandAugment(9.0, 1.0, 3, 0.3)
    assert recipe.augmentation[-1] == RandomErasing(0.25, fill=IMAGENET_MEAN, noise=IMAGENET_STD)
    # The defaults of timm's class, which train.py does not change.
    assert (recipe.random_erasing_area, recipe.random_erasing_aspect) == (
        (0.02, 1 / 3),
        (0.3, 1 / 0.3),
    )
    assert (recipe.augmentation_of(ColorJitter), unmatched) == (None, {})
    recipe, _ = read("reprob: 0.5", "remode: const")
    assert recipe.augmentation[-1] == RandomErasing(0.5, fill=IMAGENET_MEAN, noise=0.0)
    for text in ("rand-m9-mstd0.5", "rand-m12-inc1", "rand-m9-mmax15-inc1", "original"):
        assert read(f"aa: {text}")[1] == {"aa": text}
    recipe, _ = read("no_aug: true", "reprob: 0.5")
    assert recipe.augmentation == ()


def test_losses(read):
    # Without mixing and smoothing, timm uses plain cross-entropy.
    assert read("bce_loss: true", "smoothing: 0")[0].loss == CategoricalCrossentropy()
    recipe, _ = read("bce_loss: true", "bce_target_thresh: 0.2")
    assert recipe.loss == BinaryCrossentropy(label_smoothing=0.1, target_threshold=0.2)


def test_the_network_determines_the_evaluation(read):
    recipe, _ = read("model: resnet50.tv2_in1k")
    assert (recipe.train_size, recipe.test_crop_ratio) == (176, 0.875)
    recipe, _ = read(
        "model: wide_resnet50_2", "input_size: [3, 192, 192]", "interpolation: bilinear"
    )
    assert (recipe.network, recipe.train_size) == ("WideResNet50_2", 192)
    assert recipe.test_interpolation == "bilinear"


def test_only_arguments_that_affect_training_are_listed(read):
    _, unmatched = read(
        "vflip: 0.5",
        "mixup_off_epoch: 200",
        "pretrained: true",
        "kd_model_name: resnet101",
        "model_kwargs: {zero_init_last: false, act_layer: silu}",
        "option_of_next_year: 3",
        "option_that_is_off: false",
        "workers: 16",
        "seed: 7",
        "lr_noise: null",
    )
    assert unmatched == {
        "vflip": 0.5,
        "mixup_off_epoch": 200,
        "pretrained": True,
        "kd_model_name": "resnet101",
        "model_kwargs": {"act_layer": "silu"},
        "option_of_next_year": 3,
    }


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["model: resnet51"], "`model` of the file must be a network"),
        (["opt: adafactor"], "`opt` of the file must be one of lamb"),
        (["sched: plateau"], "`sched` of the file must be cosine"),
        (["epochs: many"], "of the types that train.py writes|`epochs` must be"),
        (["[1, 2"], "must be valid YAML"),
        (["- 1"], "must contain arguments"),
        (["#" * 100_000], "at most 65536 bytes"),
        (["!!python/object/apply:os.getcwd []"], "must be valid YAML"),
        (["mixup: 2.0", "batch_size: 7"], "must be even"),
    ],
)
def test_invalid_files_are_named(read, lines, message):
    with pytest.raises(ValueError, match=message):
        read(*lines)


def test_the_command_prints_or_writes_the_recipe(tmp_path, capsys):
    command = ["from-timm", str(FILES / "a3.yaml"), "--processes", "4"]
    assert main([*command, "--set", "test_size=224"]) == 0
    out = capsys.readouterr().out
    assert "learning_rate" in out
    assert out.splitlines()[-1] == "All arguments were converted."
    written = tmp_path / "recipe.json"
    assert main([*command, "--out", str(written)]) == 0
    assert krr.load_recipe(written) == from_timm(FILES / "a3.yaml", processes=4)[0]
    args = tmp_path / "args.yaml"
    args.write_text("model: resnet50\nvflip: 0.5\n")
    assert main(["from-timm", str(args)]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "Arguments without a counterpart:",
        "  vflip  0.5",
    ]
    assert main(["from-timm", str(tmp_path / "missing.yaml")]) == 2
    assert "must be an existing args.yaml" in capsys.readouterr().err
