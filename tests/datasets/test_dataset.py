"""The map-style data set: items, selections, translations, twins and the way to other processes."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from dataset_trees import draw, write_picture
from PIL import ExifTags, Image
from torch.utils.data import DataLoader

from fer_zoo.datasets import BoxPart, ExpressionDataset, Sample
from fer_zoo.errors import EmptyClassError, ImageNotFoundError, ImageReadError, InvalidOptionError, MissingPackageError
from fer_zoo.labels import Expression, LabelSet, get_label_set

THREE = LabelSet("three", (Expression.FEAR, Expression.ANGER, Expression.CONTEMPT))


@pytest.fixture
def dataset(tmp_path: Path) -> ExpressionDataset:
    """Return four pictures with the labels 0, 1, 2 and none; the first and the last have votes."""
    paths = [write_picture(tmp_path / f"{seed}.png", seed) for seed in range(4)]
    samples = [
        Sample(paths[0], 0, (7.0, 3.0, 0.0)),
        Sample(paths[1], 1),
        Sample(paths[2], 2),
        Sample(paths[3], None, (0.0, 5.0, 5.0)),
    ]
    return ExpressionDataset(samples, THREE, name="faces", split="train")


def with_votes(dataset: ExpressionDataset) -> ExpressionDataset:
    """Return the data set with votes as its targets."""
    return ExpressionDataset(dataset.samples, THREE, name="faces", targets="votes")


def test_item_is_an_rgb_picture_and_a_class_index(dataset: ExpressionDataset) -> None:
    """The pixels are those of the file, in three equal channels."""
    item = dataset[1]

    assert item["label"] == 1
    assert (item["image"].mode, item["image"].size) == ("RGB", (48, 48))
    assert np.array_equal(np.asarray(item["image"]), np.repeat(draw(1)[..., None], 3, axis=2))


def test_item_without_a_label_has_no_label(dataset: ExpressionDataset) -> None:
    """An unlabelled picture carries nothing that could be taken for a class."""
    assert set(dataset[3]) == {"image"}
    assert dataset.labels == (0, 1, 2, None)


def test_votes_are_a_list_of_numbers(dataset: ExpressionDataset) -> None:
    """With votes as targets an item has K numbers, and a sample without votes has no label."""
    voted = with_votes(dataset)

    assert voted[0]["label"] == [7.0, 3.0, 0.0]
    assert "label" not in voted[1]


def test_class_counts_are_in_the_order_of_the_label_set(dataset: ExpressionDataset) -> None:
    """Every class is there, with 0 where it has no sample."""
    counts = dataset.select([0, 0, 2, 3]).class_counts()

    assert list(counts.items()) == [(Expression.FEAR, 2), (Expression.ANGER, 0), (Expression.CONTEMPT, 1)]


def test_missing_picture_is_named(tmp_path: Path) -> None:
    """A file that is gone gives the error of the image reader, with its path."""
    dataset = ExpressionDataset([Sample(tmp_path / "gone.png", 0)], THREE, name="faces")

    with pytest.raises(ImageNotFoundError, match=r"gone\.png"):
        dataset[0]


def test_broken_picture_is_named(tmp_path: Path) -> None:
    """A file that is no picture gives the error of the image reader, with its path."""
    (tmp_path / "broken.png").write_bytes(b"no picture")

    with pytest.raises(ImageReadError, match=r"broken\.png"):
        ExpressionDataset([Sample(tmp_path / "broken.png", 0)], THREE, name="faces")[0]


def test_limit_on_pixels_holds(dataset: ExpressionDataset) -> None:
    """A picture above the limit is refused."""
    small = ExpressionDataset(dataset.samples, THREE, name="faces", max_pixels=48 * 48 - 1)

    with pytest.raises(ImageReadError, match="above the limit of 2303"):
        small[0]


def test_box_is_cut_out_and_clipped_at_the_edge(tmp_path: Path) -> None:
    """A part of a file is the rectangle that lies in the picture."""
    path = write_picture(tmp_path / "1.png", 1)

    pixels = Sample(path, part=BoxPart(40, -5, 60, 10)).read()

    assert np.array_equal(pixels[..., 0], draw(1)[0:10, 40:48])


def test_box_outside_the_picture_is_an_error(tmp_path: Path) -> None:
    """A rectangle that misses the picture is named with the size of the picture."""
    path = write_picture(tmp_path / "1.png", 1)

    with pytest.raises(ImageReadError, match=r"box \(60, 0, 70, 10\) lies outside its \(48, 48\) pixels"):
        Sample(path, part=BoxPart(60, 0, 70, 10)).read()


def test_select_keeps_the_order_given_and_counts_the_rest(dataset: ExpressionDataset) -> None:
    """A selection is a new data set; negative indices count from the end."""
    chosen = dataset.select([2, -4])

    assert chosen.labels == (2, 0)
    assert chosen.num_dropped == 2
    assert len(dataset) == 4


def test_select_refuses_an_index_out_of_range(dataset: ExpressionDataset) -> None:
    """An index past the end names the range."""
    with pytest.raises(InvalidOptionError, match="Invalid value 4 for indices: expected indices from 0 to 3"):
        dataset.select([0, 4])


def test_mapping_translates_labels_and_drops_missing_classes(dataset: ExpressionDataset) -> None:
    """FER2013 has fear as 2 and anger as 0, and no contempt."""
    mapped = dataset.mapped_to(get_label_set("fer2013"))

    assert mapped.labels == (2, 0, None)
    assert mapped.num_dropped == 1
    assert mapped.label_set.name == "fer2013"


def test_mapping_translates_votes(dataset: ExpressionDataset) -> None:
    """Votes move to the place of their class, in a set by its name; those for a missing class are not counted."""
    mapped = dataset.mapped_to("fer2013")

    assert mapped.samples[0].votes == (3.0, 0.0, 7.0, 0.0, 0.0, 0.0, 0.0)
    assert mapped.samples[2].votes == (5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_mapping_drops_samples_without_a_remaining_vote(dataset: ExpressionDataset) -> None:
    """With votes as targets, a sample of which no vote remains teaches nothing."""
    only_fear = LabelSet("fear", (Expression.FEAR,))

    mapped = with_votes(dataset).select([0, 3]).mapped_to(only_fear)

    assert [sample.votes for sample in mapped.samples] == [(7.0,)]
    assert mapped.num_dropped == 1


def test_twins_are_found_by_their_pixels(dataset: ExpressionDataset, tmp_path: Path) -> None:
    """The same pixels in another format under another name are a twin; equal bytes in another shape are none."""
    twin = tmp_path / "other" / "twin.bmp"
    write_picture(twin, 2)
    flat = tmp_path / "other" / "flat.png"
    Image.fromarray(draw(1).reshape(24, 96)).save(flat)
    other = ExpressionDataset([Sample(twin), Sample(flat)], THREE, name="others")

    kept = dataset.without_twins_of(other)

    assert kept.labels == (0, 1, None)
    assert kept.num_dropped == 1


def test_empty_classes_are_listed(dataset: ExpressionDataset) -> None:
    """Training asks for every class; the error names those without a sample."""
    dataset.require_every_class()

    with pytest.raises(EmptyClassError, match="'faces, train' has no sample of: anger, contempt"):
        dataset.select([0]).require_every_class()


def test_a_class_with_a_vote_is_there_where_votes_are_learnt(dataset: ExpressionDataset) -> None:
    """Fear has 7 votes, anger 8 in all and contempt 5, although no picture is one of contempt by its label."""
    voted = with_votes(dataset).select([0, 3])

    voted.require_every_class()

    with pytest.raises(EmptyClassError, match="has no sample of: contempt"):
        voted.select([0]).require_every_class()


@pytest.mark.parametrize("votes", [None, (0.0, 0.0, 0.0)])
def test_votes_that_nobody_gave_are_no_target(votes: tuple[float, ...] | None) -> None:
    """With and without zeros for each class an item has no label, and stays an unlabelled one in another label set."""
    sample = Sample(Path("a.png"), None, votes)

    dataset = ExpressionDataset([sample], THREE, name="faces", targets="votes")

    assert dataset.target_of(sample) is None
    assert len(dataset.mapped_to(get_label_set("affectnet_8"))) == 1


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (Sample(Path("a.png"), 3), r"value 3 for the label of a\.png: expected a class index of three, 0 to 2"),
        (Sample(Path("a.png"), None, (1.0,)), r"votes of a\.png: expected one number for each of the 3 classes"),
    ],
    ids=["label", "votes"],
)
def test_samples_that_do_not_fit_the_label_set_are_refused(sample: Sample, message: str) -> None:
    """A label or votes of another label set would silently mean other expressions."""
    with pytest.raises(InvalidOptionError, match=message):
        ExpressionDataset([sample], THREE, name="faces")


def test_unknown_targets_are_refused() -> None:
    """There are labels and votes, and nothing else."""
    with pytest.raises(InvalidOptionError, match="expected 'labels' or 'votes'"):
        ExpressionDataset([], THREE, name="faces", targets="logits")  # type: ignore[arg-type]


def test_pickle_keeps_everything(dataset: ExpressionDataset) -> None:
    """A copy in another process has the same samples, classes and description."""
    copy = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own bytes

    assert copy.samples == dataset.samples
    assert copy.label_set == THREE
    assert repr(copy) == (
        "ExpressionDataset(name='faces', split='train', label_set='three', targets='labels', samples=4)"
    )


@pytest.mark.slow
def test_spawned_workers_read_the_same_pictures(dataset: ExpressionDataset) -> None:
    """A data loader whose worker starts afresh gives the items in order."""
    loader = DataLoader(dataset, batch_size=4, num_workers=1, collate_fn=list, multiprocessing_context="spawn")

    (batch,) = loader

    assert [item.get("label") for item in batch] == [0, 1, 2, None]
    assert np.array_equal(np.asarray(batch[2]["image"]), np.asarray(dataset[2]["image"]))


def test_hugging_face_gets_labels_by_name(dataset: ExpressionDataset) -> None:
    """The columns are image and label, with the names of the classes; a missing label is None."""
    table = dataset.to_hugging_face()

    assert table.features["label"].names == ["fear", "anger", "contempt"]
    assert table["label"][:] == [0, 1, 2, None]
    assert table[2]["image"].mode == "RGB"
    assert np.array_equal(np.asarray(table[2]["image"])[..., 0], draw(2))


def test_hugging_face_gets_votes_and_parts_of_files(dataset: ExpressionDataset) -> None:
    """Votes are lists of numbers, and a rectangle of a file arrives as its pixels."""
    sample = Sample(dataset.samples[0].path, 0, (7.0, 3.0, 0.0), part=BoxPart(0, 0, 10, 20))

    table = ExpressionDataset([sample], THREE, name="faces", targets="votes").to_hugging_face()

    assert table["label"][:] == [[7.0, 3.0, 0.0]]
    assert np.array_equal(np.asarray(table[0]["image"])[..., 0], draw(0)[:20, :10])


def test_hugging_face_gives_the_pixels_of_our_reader(tmp_path: Path) -> None:
    """Sixteen bits are scaled and not clipped, what is transparent is white, and a turned picture is upright."""
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    Image.new("RGBA", (16, 16), (9, 9, 9, 0)).save(tmp_path / "clear.png")
    Image.fromarray(draw(0)[:16, :24]).save(tmp_path / "grey.png")
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    Image.fromarray(draw(1)[:16, :24]).save(tmp_path / "turned.jpg", exif=turned)
    names = ("deep.png", "clear.png", "grey.png", "turned.jpg")
    faces = ExpressionDataset([Sample(tmp_path / name) for name in names], THREE, name="faces")

    table = faces.to_hugging_face()

    for row, own in zip(table, (faces[index] for index in range(4)), strict=True):
        assert np.array_equal(np.asarray(row["image"]), np.asarray(own["image"]))
    assert np.asarray(table[0]["image"]).mean() == pytest.approx(127.5, abs=0.5)
    stored = table.data.column("image").to_pylist()
    assert [value["path"] is not None for value in stored] == [False, False, True, False]


def test_hugging_face_has_no_label_column_without_labels(dataset: ExpressionDataset) -> None:
    """Unlabelled pictures are a table with one column."""
    assert dataset.select([3]).to_hugging_face().column_names == ["image"]


def test_missing_package_names_the_extra(dataset: ExpressionDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the optional package the error holds the command that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)

    with pytest.raises(MissingPackageError, match=r"pip install 'fer-zoo\[datasets\]'"):
        dataset.to_hugging_face()
