"""Loaded files never run code, read other files or write outside their folder."""

import ast
import contextlib
import json
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications.keras_file import load_file
from keras_resnet_recipes.applications.weights import classes_in
from keras_resnet_recipes.files import sha256
from keras_resnet_recipes.runs import RunFolder, checkpoints, read_log
from keras_resnet_recipes.runs import ownership as run
from tests.data.prepared_index import write_index

FILES = sorted(Path(krr.__file__).parent.rglob("*.py"))
RECIPE = krr.A3(network="ResNet20", classes=2)
# Functions that turn data into code; `ast.literal_eval` and `re.compile` do not.
EXECUTES = {"eval", "exec", "__import__", "enable_unsafe_deserialization", "system", "popen"}
MODULES = {
    "pickle",
    "dill",
    "cloudpickle",
    "marshal",
    "shelve",
    "joblib",
    "tarfile",
    "zipfile",
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_module_turns_data_into_code(file):
    for node in ast.walk(ast.parse(file.read_text())):
        # Reading a member of an archive into memory is safe, extracting it is not.
        if isinstance(node, ast.ImportFrom) and node.module == "zipfile":
            assert {alias.name for alias in node.names} <= {
                "BadZipFile",
                "ZipFile",
                "ZIP_STORED",
                "is_zipfile",
            }
            continue
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("extract", "extractall"), ast.unparse(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
            assert not MODULES & {name.split(".")[0] for name in names}, ast.unparse(node)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "yaml":
            assert node.attr in ("safe_load", "YAMLError"), node.attr
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        assert name.split(".")[-1] not in EXECUTES or name == "ast.literal_eval", name
        if name == "torch.load":
            assert ast.unparse(keywords["weights_only"]) == "True"
        # Keras' default is safe, too.
        assert ast.unparse(keywords.get("safe_mode", ast.Constant(True))) == "True"
        if name == "np.load":
            assert ast.unparse(keywords["allow_pickle"]) == "False"


def model_of(units=1):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])
    model.compile("sgd", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("kind", ["external link", "soft link", "external data"])
def test_weights_cannot_read_another_file(tmp_path, kind):
    model, file = model_of(), tmp_path / "last.weights.h5"
    checkpoints.save(file, model, checkpoints.Position(epochs=1))
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as other:
        other["kernel"] = np.full((2, 1), 42, "float32")
    (tmp_path / "secret.bin").write_bytes(np.full(2, 42, "float32").tobytes())
    with h5py.File(file, "r+") as hostile:
        names = []
        hostile.visititems(
            lambda name, item: names.append(name) if getattr(item, "shape", 0) == (2, 1) else None
        )
        del hostile[names[0]]
        if kind == "external link":
            hostile[names[0]] = h5py.ExternalLink(str(secret), "/kernel")
        elif kind == "soft link":
            hostile[names[0]] = h5py.SoftLink("/elsewhere")
        else:
            stored = [(str(tmp_path / "secret.bin"), 0, 8)]
            hostile.create_dataset(names[0], (2, 1), "float32", external=stored)
    entry = checkpoints._entries(tmp_path)[0] | {"sha256": sha256(file)}
    checkpoints._write_manifest(tmp_path, entry)
    before = model.get_weights()
    with pytest.raises((ValueError, KeyError)):
        RunFolder(tmp_path).restore(model)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@contextlib.contextmanager
def memory_below(most):
    """Fails if Python and NumPy allocate more than a number of bytes."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def inflating(tmp_path_factory):
    """A .keras file, a .weights.h5 and an .npz of 0.3 MB that take 300 MB in memory."""
    folder = tmp_path_factory.mktemp("inflating")
    with zipfile.ZipFile(folder / "a.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes(300_000_000))
        archive.writestr("model.weights.h5", bytes(300_000_000))
    with h5py.File(folder / "a.weights.h5", "w") as file:
        file.create_dataset("layers/dense/vars/0", (300_000_000, 1), "uint8", chunks=(1 << 20, 1))
    zeros = np.zeros((100_000, 32, 32, 3), "uint8")
    np.savez_compressed(folder / "a.npz", x_train=zeros, y_train=np.zeros(100_000, "int64"))
    return folder


READERS = {
    "classes of .keras": (lambda folder: classes_in(folder / "a.keras"), "must not be compressed"),
    "classes of .h5": (lambda folder: classes_in(folder / "a.weights.h5"), "must be stored whole"),
    ".keras": (lambda folder: load_file(folder / "a.keras"), "must not be compressed"),
    "weights of .keras": (
        lambda folder: krr.applications.load_weights(TINY, folder / "a.keras"),
        "must not be compressed",
    ),
    "weights of .h5": (
        lambda folder: krr.applications.load_weights(TINY, folder / "a.weights.h5"),
        "must be stored whole",
    ),
    ".npz": (lambda folder: krr.data.from_source(folder / "a.npz"), "would take 307 MB"),
}
TINY = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


@pytest.mark.parametrize("reader", READERS)
def test_a_small_file_takes_little_memory(inflating, reader):
    read, message = READERS[reader]
    with memory_below(10_000_000), pytest.raises(ValueError, match=message):
        read(inflating)


@pytest.mark.parametrize("shape", [(1 << 40, 8, 8, 3), (1 << 62, 1, 1, 3)])
def test_an_array_that_is_larger_than_its_member_is_an_error(tmp_path, shape):
    np.savez(tmp_path / "a.npz", y_train=np.zeros(2, "int64"))
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "a") as archive,
        archive.open("x_train.npy", "w") as file,
    ):
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(ValueError, match=r"cannot read '.*a\.npz'"):
        krr.data.from_source(tmp_path / "a.npz")


def test_a_keras_file_with_code_is_rejected(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)])
    model.save(tmp_path / "code.keras")
    with pytest.raises(ValueError, match="safe"):
        load_file(tmp_path / "code.keras")


@pytest.mark.parametrize(
    "name", ["last.weights.h5", "new.last.weights.h5", "log.csv", "new.log.csv"]
)
def test_a_run_folder_cannot_write_through_a_link(tmp_path, name):
    victim, folder = tmp_path / "victim", tmp_path / "run"
    folder.mkdir()
    victim.write_text("precious")
    (folder / name).symlink_to(victim)
    run_folder = RunFolder(folder)
    run_folder.set_model(model_of())
    run_folder.on_epoch_end(0, {"loss": 1.0})
    run_folder.on_epoch_end(1, {"loss": 1.0})
    assert victim.read_text() == "precious"
    assert not (folder / "last.weights.h5").is_symlink()


def claim(folder):
    with run.owned(folder, RECIPE, {}, accept_changed_data=False):
        pass


@pytest.mark.parametrize("name", ["new.recipe.json", "new.run.json", "run.json", "run.lock"])
def test_claiming_a_folder_cannot_write_through_a_link(tmp_path, name):
    victim, folder = tmp_path / "victim", tmp_path / "run"
    folder.mkdir()
    victim.write_text("precious")
    (folder / name).symlink_to(victim)
    if name == "run.lock":
        with pytest.raises(ValueError, match="must be a writable folder"):
            claim(folder)
    else:
        claim(folder)
    assert victim.read_text() == "precious"


def prepared(folder):
    images = krr.data.from_arrays(np.zeros((6, 8, 8, 3), "uint8"), np.arange(6) % 2)
    krr.data.write_prepared(images, folder, verbose=0)
    return json.loads((folder / "index.json").read_text())


def test_a_shard_cannot_be_a_link(tmp_path):
    prepared(tmp_path / "data")
    shard = tmp_path / "data" / "00000.array_record"
    shard.rename(tmp_path / "elsewhere")
    shard.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="is not a file in"):
        krr.data.from_prepared(tmp_path / "data")


@pytest.mark.parametrize("name", ["00000.array_record.partial", "new.index.json"])
def test_preparing_cannot_write_through_a_link(tmp_path, name):
    folder, victim = tmp_path / "data", tmp_path / "victim"
    index = prepared(folder)
    for file in folder.iterdir():
        file.unlink()
    begun = {**index, "shards": [], "done": 0, "images": 0, "bytes": 0, "complete": False}
    write_index(folder, begun)
    victim.write_text("precious")
    (folder / name).symlink_to(victim)
    prepared(folder)
    assert victim.read_text() == "precious"
    assert krr.data.from_prepared(folder).size == 6


FIELDS = json.loads(RECIPE.to_json())


def with_part(field, kind, **values):
    return json.dumps({**FIELDS, field: {"is": kind, **values}})


def with_object(kind, module, name):
    """Returns a recipe with a serialized Keras object."""
    description = {"module": module, "class_name": name, "config": {}, "registered_name": name}
    return json.dumps({**FIELDS, "augmentation": [{"is": kind, "object": description}]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps({**FIELDS, "recipe": "os.system"}), "Received: recipe='os.system'"),
        (json.dumps({**FIELDS, "recipe": ["A1"]}), r"Received: recipe=\['A1'\]"),
        (json.dumps({**FIELDS, "__class__": "A1"}), "no field `__class__`"),
        (json.dumps({**FIELDS, "network": "__import__"}), "`network` must be the name"),
        (json.dumps({**FIELDS, "network": {"class_name": "Lambda"}}), "None is not a known part"),
        (json.dumps({**FIELDS, "network": {"is": "Popen"}}), "'Popen' is not a known part"),
        (
            with_part("network", "NetworkFunction", module="os", name="system"),
            "os.system is not known",
        ),
        (
            with_part("network", "NetworkFunction", module="keras.applications", name="__loader__"),
            "keras.applications has no function '__loader__'",
        ),
        (json.dumps({**FIELDS, "learning_rate": float("nan")}), "NaN is not valid JSON"),
        (json.dumps({**FIELDS, "learning_rate": float("inf")}), "Infinity is not valid JSON"),
        (json.dumps(FIELDS).replace("0.008", "1e999"), "`learning_rate` must be a number"),
        (json.dumps({**FIELDS, "epochs": 10**400}), "`epochs` must be an integer"),
        (with_part("optimizer", "Lamb", weight_decay=10**400), "`weight_decay` must be a number"),
        (with_part("optimizer", "Lamb", __class__="SGD"), "Lamb has no `__class__`"),
        (with_part("loss", "KerasLoss", object="nothing"), "`object` of KerasLoss must be"),
        (with_part("loss", "KerasLoss"), "`object` of KerasLoss must be"),
        (with_object("KerasLayer", "keras.layers", "Lambda"), "keras.layers.Lambda is not part"),
        (with_object("KerasLayer", "os", "system"), "os.system is not part of Keras"),
        (with_object("KerasLayer", "builtins", "function"), "builtins.function is not part"),
        (
            with_object("KerasLayer", "keras.utils", "get_file"),
            "Keras cannot build 'get_file'|class_name='get_file'",
        ),
        (with_object("KerasLayer", "keras.losses", "Huber"), "must be from keras.layers.*'Huber'"),
        ('{"recipe": "A3", "epochs": 1' + "0" * 5000 + "}", "must be the JSON file of a recipe"),
        ("[" * 60000, "must be the JSON file of a recipe"),
        ('{"recipe": ' * 6000, "must be the JSON file of a recipe"),
        (json.dumps([*FIELDS.items()]), "not a JSON object"),
        (json.dumps({**FIELDS, "loss": "x" * 10**6}), "more than 262144 bytes"),
        (b"\xff\xfe\x00", "must be the JSON file of a recipe"),
    ],
    ids=range(27),
)
def test_a_hostile_recipe_is_rejected(tmp_path, text, message):
    file = tmp_path / "recipe.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message):
        krr.load_recipe(tmp_path)


@pytest.mark.parametrize(
    "text", ["[]", "{}", "[" * 60000, '{"class_names": [1], "own_model": false}', '"a"', "\xff"]
)
def test_hostile_facts_are_rejected(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ValueError, match="does not describe a run"):
        run.read_facts(tmp_path)


@pytest.mark.parametrize(
    "text", ["epoch,loss\n1,__import__('os')\n", "loss\n" + "1" * 200000, "a\n1,2\n"]
)
def test_a_hostile_log_is_rejected(tmp_path, text):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(ValueError, match="is not the log of a run"):
        read_log(tmp_path)
