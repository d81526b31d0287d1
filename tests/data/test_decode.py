"""Image files decode to Pillow's pixels."""

import io
import struct
import sys
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_resnet_recipes as krr


@pytest.fixture(scope="module")
def photograph(golden):
    return golden("rrc")["source"]


def encoded(image, form, **options):
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "BMP"])
def test_lossless_files_are_exact(photograph, form):
    np.testing.assert_array_equal(krr.data.decode(encoded(photograph, form)), photograph)


@pytest.mark.parametrize("subsampling", [0, 2])
def test_jpegs_are_pillows(photograph, subsampling):
    contents = encoded(photograph, "JPEG", quality=90, subsampling=subsampling)
    expected = np.asarray(Image.open(io.BytesIO(contents)))
    np.testing.assert_array_equal(krr.data.decode(contents), expected)


def test_grey_and_palette_files_become_rgb(photograph):
    grey = photograph[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=-1)
    np.testing.assert_array_equal(krr.data.decode(encoded(grey, "PNG")), expected)
    palette = Image.fromarray(photograph).quantize(16)
    file = io.BytesIO()
    palette.save(file, "PNG")
    np.testing.assert_array_equal(
        krr.data.decode(file.getvalue()), np.asarray(palette.convert("RGB"))
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_crop_is_that_part_of_the_image(photograph, form):
    # Without chroma subsampling a decoder needs no pixel from outside the box.
    options = {"quality": 90, "subsampling": 0} if form == "JPEG" else {}
    contents = encoded(photograph, form, **options)
    crop = krr.data.decode_crop(tf.constant(contents), lambda *_: tf.constant([20, 33, 101, 57]))
    expected = np.asarray(Image.open(io.BytesIO(contents)).convert("RGB"))[20:121, 33:90]
    np.testing.assert_array_equal(crop, expected)


def saved(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


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
    palette, grey, turned = rgb.quantize(16), rgb.convert("L"), Image.Exif()
    turned[0x112] = 6  # rotate by 90 degrees to show
    two = {"save_all": True, "append_images": [rgb.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]}
    return {
        "jpeg": saved(rgb, "JPEG"),
        "jpeg 4:2:2": saved(rgb, "JPEG", subsampling=1),
        "jpeg progressive": saved(rgb, "JPEG", progressive=True),
        "jpeg grey": saved(grey, "JPEG"),
        "jpeg CMYK": saved(rgb.convert("CMYK"), "JPEG"),
        "jpeg of RGB": saved(rgb, "JPEG", keep_rgb=True),
        "jpeg turned": saved(rgb, "JPEG", exif=turned),
        "jpeg with more behind": saved(rgb, "JPEG") + b"more",
        "png": saved(rgb, "PNG"),
        "png turned": saved(rgb, "PNG", exif=turned),
        "png grey": saved(grey, "PNG"),
        "png grey alpha": saved(rgba.convert("LA"), "PNG"),
        "png RGBA": saved(rgba, "PNG"),
        "png bits": saved(rgb.convert("1"), "PNG"),
        "png palette": saved(palette, "PNG"),
        "png palette transparent": saved(palette, "PNG", transparency=3),
        "png RGB transparent": saved(rgb, "PNG", transparency=(0, 0, 255)),
        "png 16-bit grey": deep_png(0, 1),
        "png 16-bit grey alpha": deep_png(4, 2),
        "png 16-bit RGB": deep_png(2, 3),
        "png 16-bit RGBA": deep_png(6, 4),
        "bmp": saved(rgb, "BMP"),
        "bmp grey": saved(grey, "BMP"),
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
    }


KINDS = files_of_every_kind()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_pillows(kind):
    """timm reads with `Image.open(...).convert("RGB")`: alpha dropped, EXIF rotation not carried out."""
    contents = KINDS[kind]
    with Image.open(io.BytesIO(contents)) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(krr.data.decode(contents), expected)
    box = tf.constant([1, 3, 5, 4])
    whole_blocks = tf.constant([0, 0, *expected.shape[:2]])
    decoded = tf.data.Dataset.from_tensors(contents).map(krr.data.decode)
    np.testing.assert_array_equal(next(iter(decoded)), expected)
    made = krr.data.decode_crop(tf.constant(contents), lambda *_: whole_blocks)
    np.testing.assert_array_equal(made, expected)
    if not kind.startswith("jpeg"):  # of which a crop's edge may lack a neighbour for its colours
        made = krr.data.decode_crop(tf.constant(contents), lambda *_: box)
        np.testing.assert_array_equal(made, expected[1:6, 3:7])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "WEBP"])
def test_an_image_may_be_one_pixel(form):
    contents = encoded(np.full((1, 1, 3), 255, "uint8"), form)
    np.testing.assert_array_equal(krr.data.decode(contents), [[[255, 255, 255]]])


def bombs():
    """Headers of 20,000 x 20,000 pixels, with next to nothing behind."""
    small = np.zeros((8, 8, 3), "uint8")
    jpeg, bmp, gif, webp = (bytearray(encoded(small, f)) for f in ("JPEG", "BMP", "GIF", "WEBP"))
    place = jpeg.index(b"\xff\xc0") + 5
    jpeg[place : place + 4] = struct.pack(">HH", 20000, 20000)
    bmp[18:26] = struct.pack("<ii", 20000, 20000)
    gif[6:10] = struct.pack("<HH", 20000, 20000)
    webp[26:30] = struct.pack("<HH", 16383, 16383)  # all that the format has
    return {
        "jpeg": jpeg,
        "bmp": bmp,
        "bmp from the top": bmp[:22] + struct.pack("<i", -20000) + bmp[26:],
        "gif": gif,
        "webp": webp,
        "png": png(20000, 20000, 8, 2),
        "png 16-bit grey": png(20000, 20000, 16, 0),
        "png overflowing": png(2**31 - 1, 2**31 - 1, 8, 2),
    }


@pytest.mark.parametrize(("kind", "contents"), bombs().items())
def test_too_many_pixels_are_refused_by_the_header(kind, contents):
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 178,956,970 pixels"):
        krr.data.decode(bytes(contents))
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 178,956,970 pixels"):
        krr.data.decode_crop(tf.constant(bytes(contents)), lambda *_: tf.constant([0, 0, 1, 1]))


@pytest.mark.parametrize(
    "kind", ["jpeg", "jpeg progressive", "png", "png 16-bit grey", "bmp", "gif", "webp"]
)
@pytest.mark.parametrize("lost", [2, 10, 300])
def test_cut_off_files_fail_whatever_the_crop(kind, lost):
    # The last bytes of these only say that the file ends, and nothing of the image.
    at_end = {"gif": 4, "webp": 4, "png 16-bit grey": 30}
    lost = max(lost, at_end.get(kind, 0))
    contents = KINDS[kind][:-lost]
    for read in (
        krr.data.decode,
        lambda c: krr.data.decode_crop(tf.constant(c), lambda *_: tf.constant([0, 0, 1, 1])),
    ):
        with pytest.raises((tf.errors.InvalidArgumentError, tf.errors.UnknownError)):
            read(contents)


def test_without_pillow_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    krr.data.decode(KINDS["webp"])
    with pytest.raises(tf.errors.UnknownError, match=r"keras-resnet-recipes\[images\]"):
        krr.data.decode(KINDS["webp lossless"])


def test_damaged_contents_raise(photograph):
    with pytest.raises(tf.errors.InvalidArgumentError):
        krr.data.decode(encoded(photograph, "PNG")[:1000])
    with pytest.raises(tf.errors.InvalidArgumentError):
        krr.data.decode(b"no image at all")
    with pytest.raises(tf.errors.InvalidArgumentError, match="empty"):
        krr.data.decode(b"")
