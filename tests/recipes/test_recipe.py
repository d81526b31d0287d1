"""Recipes are frozen, comparable and printable, and name mistakes in error messages."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes import augment
from keras_resnet_recipes.augment import (
    Cutout,
    RandAugment,
    RandomFlip,
    RandomResizedCrop,
    ScaleJitterCrop,
)
from keras_resnet_recipes.augment.mix import Mix
from keras_resnet_recipes.part import own_numbers
from keras_resnet_recipes.recipe import EMA, SGD, Group, Muon
from keras_resnet_recipes.recipe.known import known_parts
from keras_resnet_recipes.recipe.networks import ConfigurableNetwork
from keras_resnet_recipes.recipe.table import changes
from keras_resnet_recipes.schedules import Cosine, Schedule, Step


def test_repr_shows_changes_only_and_evaluates_to_the_recipe():
    recipe = krr.A3(epochs=30, crop_scale=(0.5, 1.0), target_threshold=None)
    assert repr(recipe) == "A3(epochs=30, target_threshold=None, crop_scale=(0.5, 1.0))"
    assert eval(repr(recipe), {"A3": krr.A3}) == recipe
    assert repr(krr.A1()) == "A1()"


def test_equal_recipes_have_equal_hashes_and_others_differ():
    assert krr.A1() == krr.A1(epochs=600)
    assert len({krr.A1(), krr.A1(epochs=600), krr.A1(epochs=601), krr.A2()}) == 3


def test_a_recipe_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        krr.A1().epochs = 3


def test_values_are_converted_to_the_type_of_the_field():
    recipe = krr.A1(crop_scale=[0.25, 1], epochs=np.int64(7), mixup_alpha=1)
    assert recipe.crop_scale == (0.25, 1.0)
    assert type(recipe.epochs) is int
    assert type(recipe.mixup_alpha) is float


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 3}, "`A1` has no `epoch`. Did you mean `epochs`?"),
        ({"mixup_alfa": 1}, "`A1` has no `mixup_alfa`. Did you mean `mixup_alpha`?"),
        ({"zzz": 1}, "`A1` has no `zzz`."),
        ({"epochs": 0}, "`epochs` must be an integer at least 1. Received: epochs=0"),
        ({"network": "Resnet50"}, "Received: network='Resnet50'. Did you mean `ResNet50`?"),
        ({"precision": "float16"}, "='float16'. Did you mean `mixed_float16`?"),
        ({"epochs": True}, "`epochs` must be an integer at least 1. Received: epochs=True"),
        ({"epochs": "ten"}, "`epochs` must be an integer at least 1. Received: epochs='ten'"),
        ({"zero_gamma": 1}, "`zero_gamma` must be True or False. Received: zero_gamma=1"),
        ({"network": 50}, "`network` must be the name of a network of krr.applications, or"),
        ({"network": lambda: None}, "`network` must be a function defined at the top level"),
        ({"loss": "bce"}, "`loss` must be a Loss or a KerasLoss. Received: loss='bce'"),
        (
            {"optimizer": "sgd"},
            "must be an Optimizer or a KerasOptimizer. Received: optimizer='sgd'",
        ),
        ({"optimizer": None}, "`optimizer` must be an Optimizer or a KerasOptimizer. Received:"),
        ({"ema": krr.recipe.EMA}, "`ema` must be an EMA or None. Received: ema=<class"),
        ({"test": krr.UNPUBLISHED}, "`test` must not be UNPUBLISHED; only its numbers may be."),
        (
            {"augmentation": RandomFlip()},
            "`augmentation` must be a tuple, each an Augmentation or a",
        ),
        ({"augmentation": (SGD(),)}, "`augmentation` must be a tuple, each an Augmentation or a"),
        ({"crop_scale": (0.0, 1.0)}, "`crop_scale` must be 2 numbers above 0 and at most 1"),
        (
            {"crop_scale": (0.9, 0.1)},
            "in ascending order. Received: crop_scale=(0.9, 0.1)",
        ),
        ({"crop_scale": (0.1,)}, "`crop_scale` must be 2 numbers above 0"),
        (
            {"rand_augment_magnitude": 11},
            "`rand_augment_magnitude` must be a number at least 0 and at most 10. Received: "
            "rand_augment_magnitude=11",
        ),
        ({"weight_decay_on": "all"}, "`weight_decay_on` must be 'kernels' with LAMB"),
        (
            {"optimizer": SGD(), "gradient_clip": 1, "adaptive_gradient_clip": 0.1},
            "`adaptive_gradient_clip` must be None with gradient_clip=1.0",
        ),
        (
            {"groups": (Group(on="biases"),), "group_learning_rate_factor": 0},
            "`group_learning_rate_factor` must be a number above 0",
        ),
        (
            {"groups": (Group(on="biases", epochs=3),)},
            "`epochs` of a group must be None unless the schedule has per='update'.",
        ),
        ({"optimizer": Muon(), "weight_decay": 0.1}, "`weight_decay` must be 0 with Muon"),
        (
            {"network": "ResNet9", "ghost_batch_norm": 3},
            "`ghost_batch_norm` must divide `batch_size` / `gradient_accumulation_steps` (2048 / 1)",
        ),
        (
            {"network": "ResNet9", "ghost_batch_norm": 32, "batch_norm": "synchronized"},
            "`ghost_batch_norm` must be None with batch_norm='synchronized'",
        ),
        (
            {"ema": EMA(decay=0.9), "ema_decay": 1},
            "`decay` must be below 1. Received: decay=1.0",
        ),
        (
            {"augmentation": (ScaleJitterCrop(shorter_edge=(200, 300)),)},
            "`shorter_edge` must be at least `train_size` (224)",
        ),
        (
            {"schedule": Step()},
            "`step_epochs` must not be empty with Step. Received: step_epochs=()",
        ),
        (
            {"schedule": Step(boundaries=(3,)), "step_epochs": (3, 2)},
            "`boundaries` must be positive and in ascending order. Received: boundaries=(3.0, 2.0)",
        ),
        ({"schedule": Cosine(epochs=30)}, "`epochs` must not be set in `schedule`"),
        ({"schedule": Cosine(0.1)}, "`learning_rate` must not be set in `schedule`"),
        ({"schedule_per": "day"}, "`schedule_per` must be one of 'epoch', 'update'. Received:"),
        (
            {"augmentation": (RandomFlip(), RandomResizedCrop())},
            "`augmentation` must have at most one step that crops, and it must be the first. "
            "Received: RandomResizedCrop() at index 1",
        ),
        (
            {"augmentation": (Cutout(size=300),)},
            "`size` of Cutout must be at most 224 for training images of 224 pixels. Received: size=300",
        ),
        ({"learning_rate": float("nan")}, "`learning_rate` must be a number above 0 or None."),
        ({"learning_rate": None}, "`learning_rate` must be a number. Received: learning_rate=None"),
        ({"batch_size": 63}, "must be even with MixUp or CutMix"),
        ({"batch_size": 64, "gradient_accumulation_steps": 3}, "must divide `batch_size` (64)"),
        ({"batch_size": 64, "gradient_accumulation_steps": 64}, "must be even with MixUp"),
        (
            {"mix": None, "mix_per_replica": False},
            "`mix_per_replica` must be True if `mix` is None",
        ),
        ({"epochs": 3}, "`warmup_epochs` must be at most `epochs` (3)"),
        (
            {"rand_augment": None, "rand_augment_std": 1},
            "`rand_augment_std` must not be given if its part is removed or replaced.",
        ),
        ({"mix": None, "mixup_alpha": 1}, "`mixup_alpha` requires MixUp or MixUpOrCutMix,"),
    ],
)
def test_invalid_values_are_named(values, message):
    with pytest.raises(ValueError, match="`") as error:
        krr.A1(**values)
    assert message in str(error.value)


# Numbers that no part of the recipe would use.
@pytest.mark.parametrize(
    ("recipe", "name", "value", "owner"),
    [
        (krr.A3, "momentum", 0.9, "Lars or Muon or RMSpropTF or SGD"),
        (krr.DeiT, "nesterov", True, "Lars or Muon or SGD"),
        (krr.A3, "learning_rate_in_velocity", True, "Lars or SGD"),
        (krr.A3, "group_learning_rate_factor", 64, "Group"),
        (krr.DeiT, "adaptive_gradient_clip", 0.1, "RMSpropTF or SGD"),
        (krr.DAWNBench, "warmup_epochs", 1, "Cosine or Exponential or Polynomial or Step"),
        (krr.B, "warmup_prefix", True, "Cosine"),
        (krr.B, "minimum_learning_rate", 1e-6, "Cosine or Plateau or Polynomial"),
        (krr.B, "reach_ends", True, "Cosine or Step"),
        (krr.A3, "step_epochs", (3,), "Step"),
        (krr.A3, "step_factor", 0.5, "Exponential or Plateau or Step"),
        (krr.A3, "every_epochs", 2.0, "Exponential"),
        (krr.A3, "knots", ((0, 1), (9, 0)), "PiecewiseLinear"),
        (krr.DeiT, "target_threshold", 0.2, "BinaryCrossentropy"),
        (krr.A3, "whitening", True, "ResNet9"),
        (krr.A3, "logit_scale", 0.0625, "AirbenchNet or ResNet9"),
        (krr.A3, "ema_every", 4, "EMA"),
        (krr.A3, "pad_fill", (1, 2, 3), "PadAndCrop"),
        (krr.DAWNBench, "crop_interpolation", "bilinear", "RandomResizedCrop or ScaleJitterCrop"),
        (krr.A3, "teacher", "ResNet152D", "Distillation"),
    ],
)
def test_numbers_of_absent_parts_are_rejected(recipe, name, value, owner):
    message = f"`{name}` requires {owner}, which {recipe.__name__} does not have."
    for change in (recipe, recipe().replace):
        with pytest.raises(ValueError, match="`") as error:
            change(**{name: value})
        assert str(error.value).startswith(message)
    assert name not in {one.name for one in recipe().numbers()}


def test_data_on_device_rejects_synchronized_batch_norm():
    with pytest.raises(
        ValueError, match=r"`batch_norm` must be 'replica' with data_on_device=True"
    ):
        krr.DAWNBench(batch_norm="synchronized")


def test_positional_arguments_are_rejected():
    with pytest.raises(ValueError, match=r"must be keyword arguments\. Received: 'ResNet18'"):
        krr.A1("ResNet18")


def test_an_odd_batch_is_legal_without_mixing():
    assert krr.A1(batch_size=63, mix=None).batch_size == 63


def test_a_custom_recipe():
    class Mine(krr.Recipe):
        epochs = 7
        augmentation = (RandomResizedCrop(scale=(0.5, 1)),)

    assert repr(Mine(epochs=7)) == "Mine()"
    assert Mine().crop_scale == (0.5, 1.0)
    assert Mine().batch_size == krr.Recipe().batch_size


def test_class_bodies_reject_mistakes_too():
    with pytest.raises(
        ValueError, match=r"`epoch` of `Wrong` is not a field of a recipe. Did you mean `epochs`"
    ):
        type("Wrong", (krr.Recipe,), {"epoch": 3})
    with pytest.raises(ValueError, match="must inherit only from `Recipe`"):
        type("Child", (krr.A1,), {"epochs": 3})


def test_print_marks_changed_values():
    lines = str(krr.A3(epochs=30)).splitlines()
    assert "published top-1 78.1 %" in lines[0]
    changed = [line for line in lines if "in A3)" in line]
    assert len(changed) == 1
    assert changed[0].split()[:2] == ["epochs", "30"]
    assert "(100 in A3)" in changed[0]


def test_the_published_accuracy_is_that_of_the_published_values():
    assert "published top-1 78.1 %" in changes(krr.A3())
    assert "published top-1" not in changes(krr.A3(epochs=30))


def test_print_is_grouped_and_shows_removed_parts():
    text = str(krr.A3(mix=None, optimizer=SGD(momentum=0.9)))
    groups = [line for line in text.splitlines()[1:] if line.isupper()]
    assert groups == [
        "NETWORK",
        "OPTIMIZATION",
        "LOSS",
        "TRAINING IMAGES",
        "MIXING",
        "EVALUATION",
    ]
    rows = {line.split()[0]: " ".join(line.split()) for line in text.splitlines() if line}
    assert rows["optimizer"].startswith("optimizer SGD (Lamb in A3)")
    assert rows["momentum"].startswith("momentum 0.9 (not set in A3)")
    assert rows["gradient_clip"].startswith("gradient_clip off (1 in A3)")
    assert rows["warmup_epochs"].startswith("warmup_epochs 5 epochs of")
    assert rows["mixup_alpha"].startswith("mixup_alpha — (0.1 in A3)")
    assert "celu_alpha" not in rows
    assert "mix_per_replica" not in rows


def test_the_sheet_has_every_number_on_request():
    for recipe in (kind() for kind in krr.RECIPES.values()):
        printed = {line.split()[0] for line in recipe.sheet(every_row=True).splitlines() if line}
        assert {one.name for one in recipe.numbers()} <= printed


def test_every_number_has_a_help_text():
    assert all(field.metadata["help"] for field in dataclasses.fields(krr.Recipe))
    for kind in known_parts().values():
        if kind.__module__.startswith("keras_resnet_recipes."):
            assert all(field.metadata["help"] for field in own_numbers(kind)), kind


def test_numbers_are_read_and_changed_by_their_flat_names():
    recipe = krr.A1(mixup_alpha=0.5, rand_augment_magnitude=3, warmup_epochs=1, test_size=288)
    assert (recipe.mix.mixup_alpha, recipe.mixup_alpha) == (0.5, 0.5)
    assert recipe.augmentation[2] == RandAugment(magnitude=3.0, std=0.5)
    assert (recipe.schedule.warmup_epochs, recipe.test.size) == (1, 288)
    assert recipe.replace(mixup_alpha=0.2, test_size=224) == krr.A1(
        rand_augment_magnitude=3, warmup_epochs=1
    )
    # A part and one of its numbers can be given together.
    assert krr.A1(optimizer=SGD(), momentum=0.9).optimizer == SGD(momentum=0.9)


def test_none_removes_a_part():
    recipe = krr.DeiT(rand_augment=None, random_erasing=None, mix=None, ema=None)
    assert [type(step) for step in recipe.augmentation] == [RandomResizedCrop, RandomFlip]
    assert (recipe.mix, recipe.ema) == (None, None)
    assert krr.DAWNBench(pad_and_crop=None, cutout=None).augmentation == (RandomFlip(),)
    assert krr.Distill().replace(
        distillation=None, color_jitter=None, lighting=None
    ) == krr.Distill(distillation=None, augmentation=krr.Distill().augmentation[:2])


def test_groups_are_values(tmp_path):
    recipe = krr.A3(
        groups=(
            Group(on="convolutions", optimizer=Muon(momentum=0.6, nesterov=True)),
            Group(on="biases", learning_rate_factor=64, weight_decay_factor=1 / 64),
        )
    )
    assert saved_and_read(recipe, tmp_path) == recipe
    assert eval(repr(recipe), {"A3": krr.A3, "Group": Group, "Muon": Muon}) == recipe
    printed = [
        " ".join(row.split("(not set in A3)")[0].split()) for row in str(recipe).splitlines()
    ]
    assert "group_optimizer Muon(momentum=0.6, nesterov=True)" in printed
    assert "group_learning_rate_factor_2 64" in printed
    changed = recipe.replace(group_learning_rate_factor_2=4, group_weight_decay_factor_2=0.25)
    assert changed.groups[1] == Group(on="biases", learning_rate_factor=4, weight_decay_factor=0.25)
    assert set(recipe.diff(changed).rows) == {
        "group_learning_rate_factor_2",
        "group_weight_decay_factor_2",
    }
    assert recipe.replace(group_2=None, group=None) == krr.A3()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"on": "("}, "`on` must be a regular expression"),
        (
            {"on": "bias", "learning_rate_factor": 0},
            "`learning_rate_factor` must be a number above",
        ),
        (
            {"on": "bias", "optimizer": Muon(), "weight_decay_factor": 2},
            "`weight_decay_factor` must be 1 with `optimizer`",
        ),
        ({"on": "bias", "optimizer": "sgd"}, "`optimizer` must be an Optimizer or None"),
    ],
)
def test_invalid_groups_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        Group(**values)


def test_a_part_that_occurs_twice_has_two_sets_of_names():
    twice = krr.A3(augmentation=(*krr.A3().augmentation, RandAugment(magnitude=3, std=0.25)))
    assert (twice.rand_augment_magnitude, twice.rand_augment_magnitude_2) == (6, 3)
    changed = twice.replace(rand_augment_magnitude_2=4)
    assert [step.magnitude for step in changed.augmentation[2:]] == [6, 4]
    assert eval(repr(changed), vars(augment) | {"A3": krr.A3}) == changed
    with pytest.raises(ValueError, match="`A3` has no `rand_augment_magnitude_2`"):
        krr.A3(rand_augment_magnitude_2=4)


def test_flat_names_are_unique():
    for kind in krr.RECIPES.values():
        names = [one.name for one in kind().numbers()]
        assert len({*names}) == len(names), kind
    fields = {field.name for field in dataclasses.fields(krr.Recipe)}
    bases = (
        krr.recipe.Optimizer,
        krr.recipe.Loss,
        krr.schedules.Schedule,
        augment.Augmentation,
        Mix,
        ConfigurableNetwork,
    )
    owners = {}
    for part in known_parts().values():
        assert len({*part.flat_names()}) == len([*part.flat_names()])
        for name in part.flat_names():
            assert name not in fields
            owners.setdefault(name, []).append(part)
    # Parts that share a name are alternatives for the same field.
    for name, parts in owners.items():
        kinds = {next((base for base in bases if issubclass(part, base)), part) for part in parts}
        assert len(kinds) == 1, name


def test_json_round_trip(tmp_path):
    recipe = krr.A2(epochs=30, crop_scale=(0.5, 1), classes=10)
    text = recipe.to_json(tmp_path / "recipe.json")
    assert json.loads(text)["epochs"] == 30
    assert krr.load_recipe(tmp_path) == recipe
    assert krr.load_recipe(tmp_path / "recipe.json") == recipe


@pytest.mark.parametrize("name", krr.RECIPES)
def test_every_recipe_survives_json_and_repr(name, tmp_path):
    published = krr.RECIPES[name]()
    changed = published.replace(
        label_smoothing=0.25, network="ResNet18", test_size=96, ema=EMA(decay=0.5)
    )
    names = vars(augment) | vars(krr.recipe) | {name: krr.RECIPES[name]}
    for recipe in (published, changed):
        recipe.to_json(tmp_path / "recipe.json")
        read = krr.load_recipe(tmp_path)
        assert (read, hash(read), repr(read)) == (recipe, hash(recipe), repr(recipe))
        assert eval(repr(recipe), names) == recipe
    assert repr(published) == f"{name}()"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be the JSON file of a recipe"),
        ("[1, 2]", "not a JSON object"),
        ('{"recipe": "A9"}', "`recipe` must be one of .*A1, .* Received: recipe='A9'"),
        ('{"recipe": ["A1"]}', r"Received: recipe=\['A1'\]"),
        ('{"recipe": "A1", "epoch": 3}', "Did you mean `epochs`"),
        ('{"recipe": "A1", "epochs": "__import__(1)"}', "must be an integer"),
        (
            '{"recipe": "A1", "optimizer": {"is": "SDG"}}',
            "'SDG' is not a known part.*Did you mean `SGD`",
        ),
        ('{"recipe": "A1", "optimizer": {"is": "SGD", "rate": 1}}', "SGD has no `rate`"),
        ('{"recipe": "A1", "optimizer": {"is": "SGD", "momentum": 2}}', "`momentum` must be"),
        ('{"recipe": "A1", "ema": {"is": "EMA"}}', "EMA: .* 'decay'"),
        ('{"recipe": "A1", "test": {"is": "UNPUBLISHED"}}', "`test` must not be UNPUBLISHED"),
        ('{"recipe": "A1", "learning_rate": NaN}', "NaN is not valid JSON"),
        ('{"recipe": "A1", "network": ' + "[" * 9999 + "]" * 9999 + "}", "recursion"),
    ],
)
def test_a_broken_recipe_file_is_named(tmp_path, text, message):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        krr.load_recipe(tmp_path)


def test_a_missing_recipe_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="`path` must be an existing JSON file of a recipe"):
        krr.load_recipe(tmp_path / "none.json")


class SometimesGray(augment.Augmentation):
    """Gray images."""

    probability: float = krr.recipe.number(0.1, "probability of gray", minimum=0, maximum=1)

    def draw(self, rng, n):
        return {}

    def apply(self, image, drawn):
        return image


class Mirror(augment.Augmentation):
    """An augmentation without numbers."""

    def draw(self, rng, n):
        return {}

    def apply(self, image, drawn):
        return image


class RootDecay(Schedule):
    """A custom schedule."""

    timescale: float = 10.0

    def __call__(self, epoch, lr=None):
        return self.learning_rate / (1 + epoch / self.timescale) ** 0.5


STEPS = krr.A3().augmentation
# Custom parts: how to add one, its line in the table, and a change.
CUSTOM = {
    "augmentation": (
        {"augmentation": (*STEPS, SometimesGray())},
        "sometimes_gray SometimesGray (not set in A3) Gray images",
        {"sometimes_gray_probability": 0.2},
    ),
    "augmentation without numbers": (
        {"augmentation": (*STEPS, Mirror())},
        "mirror Mirror (not set in A3) An augmentation without numbers",
        {"mirror": None},
    ),
    "schedule": (
        {"schedule": RootDecay()},
        "schedule RootDecay (Cosine in A3) A custom schedule",
        {"root_decay_timescale": 5.0},
    ),
}


def saved_and_read(recipe, folder, **options):
    recipe.to_json(folder / "recipe.json")
    return krr.load_recipe(folder, **options)


def test_no_help_text_ends_with_a_full_stop():
    for recipe in krr.RECIPES.values():
        rows = krr.recipe.table_rows(recipe(), every_row=True)
        assert [row.name for row in rows if row.help.endswith(".")] == []


@pytest.mark.parametrize("name", CUSTOM)
def test_custom_parts_are_values(name, tmp_path):
    values, line, change = CUSTOM[name]
    recipe, changed = krr.A3(**values), krr.A3(**values).replace(**change)
    assert recipe == krr.A3(**values)
    assert hash(recipe) == hash(krr.A3(**values))
    assert len({krr.A3(), recipe, changed}) == (2 if changed == krr.A3() else 3)
    names = vars(augment) | {
        kind.__name__: kind for kind in (krr.A3, SometimesGray, Mirror, RootDecay)
    }
    for one in (recipe, changed):
        assert eval(repr(one), names) == one
        assert saved_and_read(one, tmp_path) == one
        assert hash(saved_and_read(one, tmp_path)) == hash(one)
    printed = [" ".join(row.split()) for row in str(recipe).splitlines()]
    assert line in printed
    assert recipe.diff(krr.A3()).rows
    assert set(recipe.diff(changed).rows) == {*change}


def test_a_part_that_occurs_twice_has_numbers_for_each():
    twice = krr.A3(augmentation=(*STEPS, augment.RandAugment(operations=1, magnitude=3)))
    assert twice.rand_augment_magnitude == 6
    assert twice.rand_augment_magnitude_2 == 3
    assert twice.replace(rand_augment_2=None) == krr.A3()
    assert krr.recipe.leave_one_out(twice)["rand_augment_2"] == krr.A3()
    table = krr.compare(krr.A3(), twice).rows
    assert "rand_augment_2" in table
    assert "rand_augment" not in table


@pytest.mark.parametrize(
    ("base", "example"),
    [
        (krr.recipe.Optimizer, "Lamb"),
        (krr.recipe.Loss, "BinaryCrossentropy"),
        (Schedule, "Cosine"),
        (augment.Augmentation, "RandomFlip"),
        (augment.Mix, "CutMix"),
    ],
)
def test_a_base_class_has_no_instances(base, example):
    with pytest.raises(ValueError, match=f"`{base.__name__}` is a base class.* {example}"):
        base()


class Listed(augment.Augmentation):
    weights: Any = ()

    def draw(self, rng, n):
        return {"n": np.zeros(n)}

    def apply(self, image, drawn):
        return image


@pytest.mark.parametrize("value", [np.arange(3), {"a": 1}, max])
def test_a_field_must_be_plain(value):
    assert Listed(weights=[1, (2.0, "three")]).weights == (1, (2.0, "three"))
    with pytest.raises(ValueError, match="`weights` must be a number, string, None, a part"):
        Listed(weights=value)


def test_an_unknown_part_is_given_as_custom_object(tmp_path, monkeypatch):
    recipe = krr.A3(augmentation=(SometimesGray(probability=0.3),))
    recipe.to_json(tmp_path / "recipe.json")
    monkeypatch.delitem(krr.recipe.Part.known, "SometimesGray")
    with pytest.raises(
        ValueError,
        match=r"'SometimesGray' is not a known part.*--import MODULE.*custom_objects=\[SometimesGray\]",
    ):
        krr.load_recipe(tmp_path)
    assert krr.load_recipe(tmp_path, custom_objects=[SometimesGray]) == recipe


def test_an_unknown_recipe_is_given_as_custom_object(tmp_path, monkeypatch):
    class Elsewhere(krr.Recipe):
        epochs = 9

    Elsewhere(batch_size=8).to_json(tmp_path / "recipe.json")
    monkeypatch.delitem(krr.Recipe.known, "Elsewhere")
    with pytest.raises(ValueError, match="Received: recipe='Elsewhere'"):
        krr.load_recipe(tmp_path)
    assert krr.load_recipe(tmp_path, custom_objects=[Elsewhere]) == Elsewhere(batch_size=8)


def test_rescaled_uses_the_square_root_for_lamb():
    recipe = krr.A2().rescaled(1024)
    assert recipe.learning_rate == pytest.approx(5e-3 * 0.5**0.5, rel=1e-15)
    assert recipe.warmup_learning_rate == krr.A2().warmup_learning_rate
    assert krr.A2().rescaled(2048) == krr.A2()
    for size in ("512", 0, 10**400):
        with pytest.raises(ValueError, match="`batch_size` must be"):
            krr.A2().rescaled(size)


def test_compare_shows_differing_rows_or_all():
    short, full = krr.compare(krr.A1(), krr.A2()), krr.compare(krr.A1(), krr.A2(), every_row=True)
    assert set(short.rows) == {"epochs", "weight_decay", "label_smoothing", "mixup_alpha"}
    assert set(full.rows) >= {one.name for one in krr.A1().numbers()}
    assert krr.compare(krr.A3(), krr.DAWNBench()).rows["mixup_alpha"] == ("0.1", "—")
    assert krr.A3().diff(krr.A3(epochs=30)).columns == ("A3", "A3 (epochs=30)")
    assert str(krr.A1().diff(krr.A1())) == "no differences"
    with pytest.raises(ValueError, match="must be one or more recipes"):
        krr.compare(krr.A1(), "A2")


def test_citation_is_bibtex():
    text = krr.A1().citation()
    assert text.startswith("@article{")
    assert "2110.00476" in text
    with pytest.raises(ValueError, match="no `source`"):
        krr.Recipe().citation()


def test_removing_an_absent_part_changes_nothing():
    once = krr.A3(rand_augment=None)
    assert once.replace(rand_augment=None, cutout=None) == once
