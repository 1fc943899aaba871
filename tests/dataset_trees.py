"""Small fake data sets with the layouts of the real ones; every picture is drawn from a number."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Columns of AffectNet's lists.
LIST_HEADER = (
    *("subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks"),
    *("expression", "valence", "arousal"),
)


def draw(seed: int, size: int = 48) -> NDArray[np.uint8]:
    """Return a grey picture of noise, ``(size, size)``, always the same for a number."""
    return np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)


def write_picture(path: Path, seed: int, size: int = 48) -> Path:
    """Write the picture of a number; PNG keeps its pixels, JPEG nearly."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw(seed, size)).save(path)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write a text file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_csv(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """Write a CSV file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def write_raf_db(root: Path, labels: Mapping[str, int] | None = None) -> Path:
    """Write RAF-DB: three training and two test pictures; ``labels`` are those of its list, from 1."""
    labels = labels or {"train_00001": 1, "train_00002": 4, "train_00003": 7, "test_0001": 4, "test_0002": 5}
    for seed, name in enumerate(labels):
        write_picture(root / "Image" / "aligned" / f"{name}_aligned.jpg", seed)
    rows = "".join(f"{name}.jpg {label}\n" for name, label in labels.items())
    write_text(root / "EmoLabel" / "list_patition_label.txt", rows)
    return root


def write_fer_plus_split(folder: Path, votes: Sequence[Sequence[int]], first: int = 0) -> None:
    """Write a folder of FER+: the pictures ``fer0000000.png`` and on, and their ``label.csv``."""
    names = [f"fer{first + index:07d}.png" for index in range(len(votes))]
    for index, name in enumerate(names):
        write_picture(folder / name, first + index)
    write_csv(folder / "label.csv", [[name, "(0, 0, 48, 48)", *row] for name, row in zip(names, votes, strict=True)])


def write_fer_plus(root: Path) -> Path:
    """Write FER+ without its test split.

    Training: a clear neutral, happiness with single votes beside it, a draw of two classes, and a clear "unknown".
    Validation: a clear anger.
    """
    write_fer_plus_split(
        root / "FER2013Train",
        [
            (10, 0, 0, 0, 0, 0, 0, 0, 0, 0),
            (1, 6, 1, 1, 1, 0, 0, 0, 0, 0),
            (4, 0, 4, 2, 0, 0, 0, 0, 0, 0),
            (0, 0, 0, 0, 0, 0, 0, 0, 10, 0),
        ],
    )
    write_fer_plus_split(root / "FER2013Valid", [(0, 0, 0, 2, 8, 0, 0, 0, 0, 0)], first=100)
    return root


def write_fer2013_csv(root: Path) -> Path:
    """Write ``fer2013.csv`` with two training rows, one of each test set."""
    rows = [(0, 1, "Training"), (3, 2, "Training"), (6, 3, "PublicTest"), (1, 4, "PrivateTest")]
    body = "".join(f"{emotion},{' '.join(map(str, draw(seed).ravel()))},{usage}\n" for emotion, seed, usage in rows)
    return write_text(root / "fer2013.csv", f"emotion,pixels,Usage\n{body}").parent


def write_classes(root: Path, classes: Mapping[str, int], first: int = 0, suffix: str = "png") -> Path:
    """Write class folders with so many pictures each."""
    seed = first
    for name, count in classes.items():
        for index in range(count):
            write_picture(root / name / f"{index}.{suffix}", seed)
            seed += 1
    return root


def write_fer2013_folders(root: Path) -> Path:
    """Write FER2013 as folders: three training and one test picture."""
    write_classes(root / "train", {"angry": 1, "happy": 2})
    write_classes(root / "test", {"neutral": 1}, first=50)
    return root


def write_caer_s(root: Path) -> Path:
    """Write CAER-S: three training and two test pictures."""
    write_classes(root / "train", {"Anger": 1, "Happy": 2})
    write_classes(root / "test", {"Sad": 1, "Surprise": 1}, first=50)
    return root


def write_ck_plus(root: Path) -> Path:
    """Write CK+: a labelled sequence of subject S005 and S010 each, and one without a label."""
    seed = 0
    for sequence, length, label in [("S005/001", 5, "3"), ("S010/002", 4, "7"), ("S010/004", 4, None)]:
        stem = sequence.replace("/", "_")
        for frame in range(1, length + 1):
            write_picture(root / "cohn-kanade-images" / sequence / f"{stem}_{frame:08d}.png", seed)
            seed += 1
        folder = root / "Emotion" / sequence
        folder.mkdir(parents=True)
        if label is not None:
            write_text(folder / f"{stem}_{length:08d}_emotion.txt", f"   {label}.0000000e+00\n")
    return root


def write_affect_net_annotations(root: Path) -> Path:
    """Write AffectNet with annotation files: neutral, happiness and contempt to train with, fear to validate."""
    seed = 0
    for folder, codes in (("train_set", {0: "0", 5: "1", 8: "7"}), ("val_set", {1: "4"})):
        for number, code in codes.items():
            write_picture(root / folder / "images" / f"{number}.jpg", seed)
            (root / folder / "annotations").mkdir(parents=True, exist_ok=True)
            np.save(root / folder / "annotations" / f"{number}_exp.npy", np.array(code))
            seed += 1
    return root


def write_affect_net_lists(root: Path) -> Path:
    """Write the original lists of AffectNet: neutral, contempt and "no face" to train with, anger to validate.

    The list of the training set has a header and that of the validation set none, as in the release.
    """
    lists, pictures = root / "Manually_Annotated_file_lists", root / "Manually_Annotated_Images"
    rows = [
        ("1/aa.png", 4, 6, 20, 30, "1;2", 0, 0.1, 0.2),
        ("1/bb.png", 0, 0, 48, 48, "1;2", 7, 0.1, 0.2),
        ("2/gone.png", 0, 0, 48, 48, "1;2", 10, -2, -2),
    ]
    write_csv(lists / "training.csv", [LIST_HEADER, *rows])
    write_csv(lists / "validation.csv", [("3/cc.png", 0, 0, 48, 48, "1;2", 6, 0.1, 0.2)])
    for seed, name in enumerate(("1/aa.png", "1/bb.png", "3/cc.png")):
        write_picture(pictures / name, seed)
    return root


def write_image_folder(root: Path) -> Path:
    """Write class folders named by adjectives: two happy, one sad and one surprised picture."""
    return write_classes(root, {"happy": 2, "SAD": 1, "surprised": 1})


def write_table(root: Path) -> Path:
    """Write a table with labels and splits, and its pictures."""
    for seed, name in enumerate(("a.png", "b.png", "c.png")):
        write_picture(root / "faces" / name, seed)
    rows = [("faces/a.png", "happy", "train"), ("faces/b.png", "anger", "train"), ("faces/c.png", "happiness", "val")]
    return write_csv(root / "faces.csv", [("path", "label", "split"), *rows])


#: One way to write each kind of data set.
WRITERS: Mapping[str, Callable[[Path], Path]] = {
    "affectnet_7": write_affect_net_annotations,
    "affectnet_8": write_affect_net_annotations,
    "caer_s": write_caer_s,
    "ck_plus": write_ck_plus,
    "fer2013": write_fer2013_csv,
    "fer_plus": write_fer_plus,
    "image_folder": write_image_folder,
    "raf_db": write_raf_db,
    "table": write_table,
}
