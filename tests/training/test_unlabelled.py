"""The unlabelled pictures beside the labelled ones: which batch holds which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Subset
from training_rows import Rows, processor

from fer_zoo.errors import ImageReadError, TrainingDataError
from fer_zoo.training.pictures import PictureCollator, PictureReader
from fer_zoo.training.pixel_preparation import PixelPreparation
from fer_zoo.training.stored_pictures import StoredPictures
from fer_zoo.training.unlabelled import UnlabelledBatches, UnlabelledRows, check_apart

PREPARATION = PixelPreparation(processor())
COLLATE = PictureCollator(PREPARATION.size, PREPARATION.interpolation)


def batches(number: int, **options: Any) -> UnlabelledBatches:
    """Return batches of two from a number of pictures."""
    rows = UnlabelledRows(Rows([0] * number))
    return UnlabelledBatches(
        options.pop("pictures", None) or PictureReader(rows),
        **{"batch_size": 2, "seed": 3, "collate": COLLATE, **options},
    )


class TestOrder:
    """Which pictures a batch holds."""

    def test_no_picture_comes_again_before_all_have_come(self) -> None:
        """Three batches of two are all six pictures, and so are the next three, in another order."""
        stream = batches(6)

        turns = [
            [index for number in range(3 * turn, 3 * turn + 3) for index in stream.indices(number)] for turn in (0, 1)
        ]

        assert [sorted(turn) for turn in turns] == [[0, 1, 2, 3, 4, 5]] * 2
        assert turns[0] != turns[1]

    def test_processes_share_each_batch(self) -> None:
        """Two processes have disjoint halves, together what one process with batches twice as large has."""
        whole = batches(12, batch_size=4)
        shares = [batches(12, rank=rank, num_processes=2) for rank in (0, 1)]

        for number in range(7):
            assert shares[0].indices(number) + shares[1].indices(number) == whole.indices(number)
        first_turn = [{index for number in range(3) for index in share.indices(number)} for share in shares]
        assert not first_turn[0] & first_turn[1]

    def test_a_batch_depends_on_the_seed_and_its_number_alone(self) -> None:
        """Asking in another order, or from another object, changes nothing; another seed does."""
        stream = batches(5)
        expected = [stream.indices(number) for number in range(8)]

        assert [batches(5).indices(number) for number in reversed(range(8))] == expected[::-1]
        assert [batches(5, seed=4).indices(number) for number in range(8)] != expected

    def test_a_batch_may_be_larger_than_the_data_set(self) -> None:
        """Five of two pictures are two turns and a half."""
        found = batches(2, batch_size=5).indices(0)

        assert [sorted(found[:2]), sorted(found[2:4])] == [[0, 1], [0, 1]]
        assert len(found) == 5

    def test_refuses_no_pictures(self) -> None:
        """A run that was meant to have them does not go on without."""
        with pytest.raises(TrainingDataError, match="There are no unlabelled pictures to train on"):
            batches(0)


class TestPictures:
    """What a batch is made of."""

    def test_labels_are_not_looked_at(self) -> None:
        """The rows have labels, the batch has none."""
        assert set(batches(4).batch(0)) == {"images"}

    @pytest.mark.parametrize("num_workers", [0, 1])
    def test_the_stream_can_be_entered_anywhere(self, num_workers: int) -> None:
        """The batches from the third on are those that come after the second, read ahead or not."""
        rows = Rows([0] * 5)
        straight, late = batches(5), batches(5, num_workers=num_workers)

        passed = [straight.batch(number)["images"] for number in range(5)]

        for number in (2, 3, 4, 0):
            assert torch.equal(late.batch(number)["images"], passed[number])
        picture = torch.as_tensor(PictureReader(rows)[straight.indices(4)[0]]["image"])  # type: ignore[index]
        assert torch.equal(passed[4][0], picture)
        late.close()

    def test_pictures_that_are_kept_come_in_the_same_batches(self) -> None:
        """Storing changes the speed and nothing else."""
        rows = UnlabelledRows(Rows([0] * 5))
        stored = StoredPictures.read(rows, PREPARATION)

        for number in range(4):
            expected = batches(5).batch(number)["images"]
            assert torch.equal(batches(5, pictures=stored).batch(number)["images"], expected)

    def test_reading_leaves_the_random_numbers_of_training_alone(self) -> None:
        """An interrupted run begins to read at another step, and must augment as if it had not been interrupted."""
        torch.manual_seed(0)
        expected = torch.rand(3)

        torch.manual_seed(0)
        batches(4).batch(1)

        assert torch.equal(torch.rand(3), expected)

    def test_unreadable_pictures_are_skipped_and_counted_or_an_error(self) -> None:
        """As the option says."""
        rows = UnlabelledRows(Rows([0] * 4, unreadable=(1,)))
        skipping = batches(4, pictures=PictureReader(rows, "skip"), batch_size=4)

        batch = skipping.batch(0)

        assert len(batch["images"]) == 3
        assert int(batch["num_unreadable"]) == 1
        with pytest.raises(ImageReadError):
            batches(4, pictures=PictureReader(rows, "raise"), batch_size=4).batch(0)


@dataclass(frozen=True)
class Sample:
    """What the data sets of this library know of a picture."""

    path: Path
    part: str | None = None


class Listed(Rows):
    """A data set that shows the paths of its pictures."""

    def __init__(self, *samples: Sample) -> None:
        super().__init__([0] * len(samples))
        self.samples = samples


def paths(*names: str) -> list[dict[str, Any]]:
    """Return rows whose pictures are paths."""
    return [{"image": name} for name in names]


class TestApart:
    """Labelled pictures may not be among the unlabelled ones."""

    @pytest.mark.parametrize(
        "unlabelled",
        [
            paths("c.png", "b.png"),
            [{"image": Path("c.png")}, {"image": Path("b.png").absolute()}],
            Listed(Sample(Path("c.png")), Sample(Path("b.png"))),
            Subset(paths("a.png", "c.png", "b.png"), [1, 2]),  # type: ignore[arg-type]
            Subset(Listed(Sample(Path("a.png")), Sample(Path("c.png")), Sample(Path("b.png"))), [1, 2]),  # type: ignore[arg-type]
            PictureReader(paths("c.png", "b.png")),
        ],
        ids=["texts", "paths", "samples", "subset of rows", "subset of samples", "reader"],
    )
    def test_a_shared_picture_is_refused(self, unlabelled: Any) -> None:
        """However the data set shows its paths; the message has the number and the first."""
        with pytest.raises(
            TrainingDataError, match=r"1 of 2 unlabelled pictures are among the labelled ones, .*b\.png'"
        ):
            check_apart(paths("a.png", "b.png"), unlabelled)

    def test_pictures_that_only_a_subset_leaves_out_do_not_count(self) -> None:
        """Both halves of one data set are apart."""
        whole: Any = Listed(Sample(Path("a.png")), Sample(Path("b.png")))

        check_apart(Subset(whole, [0]), Subset(whole, [1]))
        with pytest.raises(TrainingDataError):
            check_apart(Subset(whole, [0]), whole)

    def test_two_faces_of_one_photograph_are_two_pictures(self) -> None:
        """A picture is a file and a part of it."""
        check_apart(Listed(Sample(Path("a.png"), "left")), Listed(Sample(Path("a.png"), "right")))

    def test_pictures_without_a_path_are_not_compared(self) -> None:
        """Pictures in memory pass, as the documentation says."""
        rows = Rows([0, 1])

        check_apart(rows, rows)
