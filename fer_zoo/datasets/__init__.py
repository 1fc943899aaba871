"""Data sets of labelled faces: one way to load them all, with what is known of their labels, counts and terms."""

from fer_zoo.datasets.challenge import ChallengeEntry, ChallengeList, read_challenge_list
from fer_zoo.datasets.dataset import ExpressionDataset, Targets
from fer_zoo.datasets.inspection import DatasetReport, SharedPictures, SplitReport, TwinGroup, check_dataset
from fer_zoo.datasets.loading import DATASETS, load_dataset
from fer_zoo.datasets.reader import DatasetCard, DatasetReader, SplitSamples
from fer_zoo.datasets.sample import BoxPart, PicturePart, RowPart, Sample

__all__ = [
    "DATASETS",
    "BoxPart",
    "ChallengeEntry",
    "ChallengeList",
    "DatasetCard",
    "DatasetReader",
    "DatasetReport",
    "ExpressionDataset",
    "PicturePart",
    "RowPart",
    "Sample",
    "SharedPictures",
    "SplitReport",
    "SplitSamples",
    "Targets",
    "TwinGroup",
    "check_dataset",
    "load_dataset",
    "read_challenge_list",
]
