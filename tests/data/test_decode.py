"""Image files decode to Pillow's pixels."""

import io
import re
import struct
import subprocess
import sys
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

import keras_resnet_recipes as krr
from keras_resnet_recipes.data.decode import decode, orientation, packed, upright


@pytest.fixture(scope="module")
def photograph(golden):
    return golden("rrc")["source"]


def saved(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def encoded(image, form, **options):
    return saved(Image.fromarray(image), form, **options)


def pillow(contents):
    with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(contents)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("form", ["PNG", "BMP"])
def test_lossless_files_are_exact(photograph, form):
    np.testing.assert_array_equal(krr.data.decode(encoded(photograph, form)), photograph)


@pytest.mark.parametrize("subsampling", [0, 1, 2, "4:1:1"])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}], ids=str
)
def test_jpegs_equal_pillow(photograph, subsampling, options):
    for height, width in ((None, None), (1, 1), (7, 33), (16, 17), (31, 2)):
        part = photograph[:height, :width]
        contents = encoded(part, "JPEG", quality=90, subsampling=subsampling, **options)
        np.testing.assert_array_equal(krr.data.decode(contents), pillow(contents))


def test_grey_and_palette_files_become_rgb(photograph):
    gray = photograph[..., 0]
    expected = np.repeat(gray[..., None], 3, axis=-1)
    np.testing.assert_array_equal(krr.data.decode(encoded(gray, "PNG")), expected)
    palette = Image.fromarray(photograph).quantize(16)
    np.testing.assert_array_equal(
        krr.data.decode(saved(palette, "PNG")), np.asarray(palette.convert("RGB"))
    )


def png(height, width, bits, color, rows=b""):
    """A PNG of any bit depth, which Pillow reads but does not write."""

    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def deep_png(color, channels):
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 50, channels)).astype(">u2")
    return png(40, 50, 16, color, b"".join(b"\0" + row.tobytes() for row in pixels))


def gif_of_a_part():
    """A GIF of 20 x 10 whose only frame covers 8 x 6 of it."""
    frame = Image.fromarray(np.arange(48, dtype="uint8").reshape(6, 8) % 4 + 1)
    contents = bytearray(saved(frame, "GIF"))
    contents[6:10] = struct.pack("<HH", 20, 10)
    place = contents.index(b",", 13 + 3 * 2 ** ((contents[10] & 7) + 1))
    contents[place + 1 : place + 5] = struct.pack("<HH", 5, 2)
    return bytes(contents)


def files_of_every_kind():
    rng = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(40) * 5, np.arange(50)).astype("uint8")
    pixels = np.dstack([smooth, smooth.T[:40, :40].repeat(2, axis=1)[:, :50], 255 - smooth])
    rgb = Image.fromarray(pixels)
    rgba = Image.fromarray(np.dstack([pixels, rng.integers(0, 256, (40, 50), dtype="uint8")]))
    palette, gray, turned = rgb.quantize(16), rgb.convert("L"), Image.Exif()
    turned[0x112] = 6  # to be rotated by 90 degrees
    two = {"save_all": True, "append_images": [rgb.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]}
    deep = Image.fromarray(rng.integers(0, 65536, (40, 50), dtype="uint16"))
    noise = Image.fromarray(rng.integers(0, 256, (40, 50, 4), dtype="uint8"), "CMYK")
    jpeg = saved(rgb, "JPEG")
    return {
        "jpeg": jpeg,
        "jpeg 4:2:2": saved(rgb, "JPEG", subsampling=1),
        "jpeg progressive": saved(rgb, "JPEG", progressive=True),
        "jpeg gray": saved(gray, "JPEG"),
        "jpeg CMYK": saved(rgb.convert("CMYK"), "JPEG"),
        "jpeg CMYK noise": saved(noise, "JPEG", quality=95),
        "jpeg of RGB": saved(rgb, "JPEG", keep_rgb=True),
        "jpeg turned": saved(rgb, "JPEG", exif=turned),
        "jpeg with more behind": jpeg + b"more",
        "jpeg with another behind": jpeg + saved(gray, "JPEG"),
        "jpeg of several": saved(rgb, "MPO", **two),
        "jpeg with junk between": jpeg[:-2] + bytes(40) + jpeg[-2:],
        "png": saved(rgb, "PNG"),
        "png turned": saved(rgb, "PNG", exif=turned),
        "png gray": saved(gray, "PNG"),
        "png gray alpha": saved(rgba.convert("LA"), "PNG"),
        "png RGBA": saved(rgba, "PNG"),
        "png bits": saved(rgb.convert("1"), "PNG"),
        "png palette": saved(palette, "PNG"),
        "png palette transparent": saved(palette, "PNG", transparency=3),
        "png palette transparencies": saved(palette, "PNG", transparency=bytes(range(16))),
        "png RGB transparent": saved(rgb, "PNG", transparency=(0, 0, 255)),
        "png animated": saved(rgb, "PNG", **two),
        "png 16-bit gray": deep_png(0, 1),
        "png 16-bit gray alpha": deep_png(4, 2),
        "png 16-bit RGB": deep_png(2, 3),
        "png 16-bit RGBA": deep_png(6, 4),
        "bmp": saved(rgb, "BMP"),
        "bmp gray": saved(gray, "BMP"),
        "bmp palette": saved(palette, "BMP"),
        "bmp bits": saved(rgb.convert("1"), "BMP"),
        "bmp RGBA": saved(rgba, "BMP"),
        "gif": saved(rgb, "GIF"),
        "gif animated": saved(rgb, "GIF", **two),
        "gif transparent": saved(rgba, "GIF"),
        "gif of a part": gif_of_a_part(),
        "webp": saved(rgb, "WEBP"),
        "webp lossless": saved(rgb, "WEBP", lossless=True),
        "webp RGBA": saved(rgba, "WEBP"),
        "webp animated": saved(rgb, "WEBP", **two),
        "avif": saved(rgb, "AVIF"),
        "avif RGBA": saved(rgba, "AVIF"),
        "tiff": saved(rgb, "TIFF"),
        "tiff turned": saved(rgb, "TIFF", exif=turned),
        "tiff deflated": saved(rgb, "TIFF", compression="tiff_adobe_deflate"),
        "tiff of JPEG": saved(rgb, "TIFF", compression="jpeg"),
        "tiff CMYK": saved(noise, "TIFF"),
        "tiff LAB": saved(Image.fromarray(pixels, "LAB"), "TIFF"),
        "tiff 16-bit": saved(deep, "TIFF"),
        "tiff floats": saved(Image.fromarray(smooth.astype("float32")), "TIFF"),
        "tiff of several": saved(rgb.copy(), "TIFF", save_all=True, append_images=[gray]),
        "ppm": saved(rgb, "PPM"),
        "tga": saved(rgba, "TGA"),
        "ico": saved(rgba, "ICO"),
        "jpeg 2000": saved(rgb, "JPEG2000"),
    }


with warnings.catch_warnings(
    action="ignore", category=DeprecationWarning
):  # about modes of `fromarray`
    KINDS = files_of_every_kind()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_equals_pillow(kind):
    """timm reads with `Image.open(...).convert("RGB")`, which drops alpha and ignores the EXIF rotation."""
    contents = KINDS[kind]
    expected = pillow(contents)
    np.testing.assert_array_equal(krr.data.decode(contents), expected)
    image = krr.data.opened(contents)
    assert (image.height, image.width) == expected.shape[:2]
    pixels, top, left = image.pixels(1, 3, 5, 4)
    np.testing.assert_array_equal(
        pixels[top : top + 5, left : left + 4], packed(expected)[1:6, 3:7]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_image_is_converted_in_strips(kind, monkeypatch):
    monkeypatch.setattr(
        sys.modules["keras_resnet_recipes.data.decode"], "_STRIP", 350
    )  # seven rows
    np.testing.assert_array_equal(krr.data.decode(KINDS[kind]), pillow(KINDS[kind]))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "WEBP"])
def test_images_of_one_pixel(form):
    contents = encoded(np.full((1, 1, 3), 255, "uint8"), form)
    np.testing.assert_array_equal(krr.data.decode(contents), [[[255, 255, 255]]])


def test_the_fourth_byte_of_packed_pixels_is_zero(photograph):
    for image in (photograph, photograph[..., :1], photograph[..., 0]):
        rgb = np.broadcast_to(image.reshape(*image.shape[:2], -1), photograph.shape).astype(
            "uint32"
        )
        expected = rgb[..., 0] | rgb[..., 1] << 8 | rgb[..., 2] << 16
        for form in (image, encoded(image.squeeze(), "PNG"), Image.fromarray(image.squeeze())):
            pixels = krr.data.opened(form).packed()
            assert pixels.dtype == np.uint32
            np.testing.assert_array_equal(pixels, expected)
    assert (krr.data.opened(KINDS["jpeg"]).packed() < 1 << 24).all()


def bombs():
    """Headers of 20,000 x 20,000 pixels, followed by almost no data."""
    small = np.zeros((8, 8, 3), "uint8")
    jpeg, bmp, gif, webp = (bytearray(encoded(small, f)) for f in ("JPEG", "BMP", "GIF", "WEBP"))
    place = jpeg.index(b"\xff\xc0") + 5
    jpeg[place : place + 4] = struct.pack(">HH", 20000, 20000)
    bmp[18:26] = struct.pack("<ii", 20000, 20000)
    gif[6:10] = struct.pack("<HH", 20000, 20000)
    webp[26:30] = struct.pack("<HH", 16383, 16383)  # the largest size of the format
    return {
        "jpeg": jpeg,
        "bmp": bmp,
        "bmp from the top": bmp[:22] + struct.pack("<i", -20000) + bmp[26:],
        "gif": gif,
        "webp": webp,
        "png": png(20000, 20000, 8, 2),
        "png 16-bit gray": png(20000, 20000, 16, 0),
        "png overflowing": png(2**31 - 1, 2**31 - 1, 8, 2),
        "png above the limit alone": png(13000, 13000, 8, 0),
    }


@pytest.mark.parametrize(("kind", "contents"), bombs().items())
def test_too_many_pixels_in_the_header_are_an_error(kind, contents):
    with pytest.raises(
        krr.data.UnreadableImage, match=r"pixels, more than the limit of .*max_pixels=\d+\) raise"
    ) as e:
        krr.data.decode(bytes(contents))
    assert "\n" not in str(e.value)


def test_the_limit_is_an_argument():
    with pytest.raises(
        krr.data.UnreadableImage,
        match=r"it has 50 x 40 pixels, more than the limit of 1,999; .*=2000",
    ):
        krr.data.decode(KINDS["png"], 1999)
    assert krr.data.decode(KINDS["png"], 2000).shape == (40, 50, 3)


def test_large_images_are_decoded_one_at_a_time(monkeypatch):
    monkeypatch.setattr(sys.modules["keras_resnet_recipes.data.decode"], "_LARGE", 1999)
    inside, most, wait = [], [], threading.Event()

    def use(contents):
        with krr.data.opened(contents) as image:
            inside.append(1)
            most.append(len(inside))
            wait.wait(0.02)
            image.packed()
            inside.pop()

    threads = [threading.Thread(target=use, args=(KINDS["png"],)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


@pytest.mark.parametrize(
    "kind",
    ["jpeg", "jpeg progressive", "png", "png 16-bit gray", "bmp", "gif", "webp", "avif", "tiff"],
)
@pytest.mark.parametrize("lost", [2, 10, 300])
def test_truncated_files_fail_for_every_crop(kind, lost):
    # In these formats the last bytes only mark the end of the file.
    at_end = {"gif": 4, "webp": 4, "png": 30, "png 16-bit gray": 30, "bmp": 3}
    lost = max(lost, at_end.get(kind, 0))
    with pytest.raises(krr.data.UnreadableImage, match=r"^[^\n]+$"):
        krr.data.opened(KINDS[kind][:-lost]).pixels(0, 0, 1, 1)


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (b"", "the file is empty"),
        (b"no image at all", "unknown image file format"),
        (KINDS["png"][:100], "truncated"),
        (KINDS["jpeg"][:600], "Truncated"),
        (KINDS["jpeg"][:-40], "truncated"),
        (KINDS["jpeg"][:4], "unknown image file format|truncated"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "EPS is a program"),
    ],
)
def test_damaged_contents_raise(contents, reason):
    with pytest.raises(krr.data.UnreadableImage, match=reason):
        krr.data.decode(contents)


def mutants(count):
    """JPEGs, PNGs and GIFs with bytes changed, removed, duplicated or inserted, or truncated."""
    rng = np.random.default_rng(0)
    options = [KINDS[kind] for kind in ("jpeg", "png", "jpeg progressive", "gif", "tiff", "webp")]
    for number in range(count):
        made = bytearray(options[number % len(options)])
        for _ in range(int(rng.integers(1, 5))):
            # Half of the changes are in the header, where they have the most effect.
            place = int(rng.integers(0, len(made) if rng.random() < 0.5 else 64))
            length = int(rng.integers(1, 9))
            change = rng.integers(0, 5)
            if change == 0 and made:
                made[place % len(made)] ^= 1 << int(rng.integers(8))
            elif change == 1:
                made[place : place + length] = rng.bytes(length)
            elif change == 2:
                del made[place : place + length]
            elif change == 3:
                made[place:place] = made[place : place + length]
            elif rng.random() < 0.3:
                del made[max(place, 64) :]
        yield bytes(made)


def outcome(decoder, contents):
    """Returns pixels, or the error in one line."""
    try:
        return decoder(contents)
    except Exception as error:
        return str(error)


def test_1500_mutants_equal_pillow_or_are_unreadable():
    """Warnings are errors here, so Pillow's are suppressed."""
    filters, unreadable = list(warnings.filters), 0
    for contents in mutants(1500):
        made, expected = outcome(krr.data.decode, contents), outcome(pillow, contents)
        if isinstance(made, str):
            unreadable += 1
            assert re.fullmatch("[^\n]+", made)
            assert isinstance(expected, str) or "more than the limit" in made
        elif isinstance(expected, str):
            # simplejpeg does not read metadata, which may be damaged.
            assert contents.startswith(b"\xff\xd8")
        else:
            np.testing.assert_array_equal(made, expected)
    assert 300 < unreadable < 1300
    assert warnings.filters == filters


@pytest.mark.parametrize("sampling", [0x11, 0x14, 0x41, 0x24, 0x42, 0x31, 0x44, 0x05])
def test_any_subsampling_equals_pillow_or_is_unreadable(sampling):
    """simplejpeg raises KeyError for those that it does not know."""
    contents = bytearray(KINDS["jpeg"])
    contents[contents.index(b"\xff\xc0") + 11] = sampling
    made, expected = outcome(krr.data.decode, bytes(contents)), outcome(pillow, bytes(contents))
    assert isinstance(made, str) == isinstance(expected, str)
    assert isinstance(made, str) or (made == expected).all()


HOSTILE = """
import io, resource, sys, threading
from PIL import Image
import keras_resnet_recipes.data as data
kind = sys.argv[1]
file = io.BytesIO()
if kind == "png":
    Image.new("L", (13000, 13000)).save(file, "PNG")
elif kind == "jpeg":
    Image.new("L", (9400, 9400)).save(file, "JPEG")
else:
    frames = [Image.new("P", (200, 200), number % 256) for number in range(3000)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    del frames
contents = file.getvalue()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
outcomes = []

def read():
    try:
        with data.opened(contents) as image:
            outcomes.append(image.packed().shape)
    except data.UnreadableImage as error:
        outcomes.append(str(error))

threads = [threading.Thread(target=read) for _ in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(set(outcomes), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(
    ("kind", "outcome", "megabytes"),
    [
        ("png", "it has 13000 x 13000 pixels, more than the limit of 89,478,485", 50),
        ("jpeg", "(9400, 9400)", 700),
        ("gif", "(200, 200)", 50),
    ],
)
def test_memory_is_bounded(kind, outcome, megabytes):
    """Six images at once: 169 million pixels in 160 kB, 88 million in 1.4 MB, and 3000 frames."""
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, kind], capture_output=True, text=True, check=True
    )
    said, used = done.stdout.rsplit(" ", 1)
    assert outcome in said
    assert "{" in said
    assert said.count("more than") <= 1
    assert int(used) < megabytes
    assert not done.stderr


@pytest.mark.parametrize(
    ("image", "received"),
    [
        (np.ones((4, 5, 3)), r"float64 \[4, 5, 3\]"),
        (np.ones((4, 5, 3), "int16"), r"int16 \[4, 5, 3\]"),
        (np.ones((3, 4, 5), "uint8"), r"uint8 \[3, 4, 5\]"),
        (np.ones((4, 5, 4), "uint8"), r"uint8 \[4, 5, 4\]"),
        (np.ones(4, "uint8"), r"uint8 \[4\]"),
        ([[1, 2], [3, 4]], "list"),
        (None, "NoneType"),
    ],
)
def test_illegal_images_of_a_custom_read(image, received):
    data = krr.data.ImageDataset(name="own", size=1, read=lambda index: (image, 0))
    recipe = krr.A3(network="ResNet20", classes=2, batch_size=2, train_size=8, test_size=8)
    with pytest.raises(ValueError, match=f"`read` must return .*Received: {received}"):
        recipe.replace(warmup_epochs=0, epochs=1).fit(data, steps_per_epoch=1, verbose=0)


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_the_exif_orientation_is_applied_as_by_pillow(form, number):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), "uint8")
    image, file = Image.fromarray(pixels), io.BytesIO()
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = number
    image.save(file, form, exif=exif)
    assert orientation(file.getvalue()) == number
    expected = ImageOps.exif_transpose(Image.open(file))
    found = upright(decode(file.getvalue()), number)
    np.testing.assert_array_equal(found, np.asarray(expected.convert("RGB")))


@pytest.mark.parametrize("value", [0, 9])
def test_other_orientations_are_upright(value):
    image, file = Image.new("RGB", (4, 4)), io.BytesIO()
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = value
    image.save(file, "JPEG", exif=exif)
    assert orientation(file.getvalue()) == 1
    damaged = file.getvalue().replace(b"Exif\0\0MM", b"Exif\0\0XX")
    assert damaged != file.getvalue()
    assert orientation(damaged) == orientation(b"no image") == 1
