"""Every error: its message, the builtin that also catches it, and its way through pickle."""

import inspect
import pickle

import pytest

from fer_zoo import errors
from fer_zoo.errors import (
    AnnotationError,
    ArgumentTypeError,
    CacheConflictError,
    CheckpointError,
    DatasetLayoutError,
    DatasetWarning,
    EmptyClassError,
    ExportedModelError,
    ExportError,
    FallbackWarning,
    FerZooError,
    FusedModelError,
    HubAccessError,
    HubConnectionError,
    HubError,
    HubNotFoundError,
    ImageNotFoundError,
    ImageReadError,
    ImageTooLargeError,
    InvalidOptionError,
    LabelMappingError,
    MissingPackageError,
    ResultFileError,
    RunFolderError,
    SmallerBatchWarning,
    TrainingDataError,
    TrainingDivergedError,
    UnknownNameError,
    UnknownSettingError,
    VideoNotFoundError,
    VideoReadError,
    WeightsIntegrityError,
    WeightsNotFoundError,
    WorkerError,
)

#: One error of every class, the builtins that catch it, and its message.
CASES: list[tuple[FerZooError, tuple[type[Exception], ...], str]] = [
    (FerZooError("Something is wrong."), (Exception,), "Something is wrong."),
    (
        FusedModelError("saved"),
        (RuntimeError,),
        "A fused model cannot be saved. Load the model again with from_pretrained, and leave fuse() for later.",
    ),
    (
        ExportedModelError("saved"),
        (RuntimeError,),
        "An exported model cannot be saved: it only gives logits. Load the checkpoint that it was made from with the "
        "backend 'torch'.",
    ),
    (
        ExportError("largest difference of logits 1 (0.1 allowed)"),
        (RuntimeError,),
        "The exported network is not the model: largest difference of logits 1 (0.1 allowed). Choose a higher "
        "precision; with fp32, this is a defect that is worth reporting.",
    ),
    (
        ImageReadError("face.txt", "it is not an image"),
        (ValueError,),
        "Cannot read image 'face.txt': it is not an image.",
    ),
    (
        ImageNotFoundError("face.png", "there is no such file"),
        (ImageReadError, ValueError, FileNotFoundError, OSError),
        "Cannot read image 'face.png': there is no such file.",
    ),
    (
        ImageTooLargeError("face.png", "it has 200 pixels, the limit is 100"),
        (ImageReadError, ValueError),
        "Cannot read image 'face.png': it has 200 pixels, the limit is 100.",
    ),
    (
        VideoReadError("song.mp3", "it has audio and no video"),
        (ValueError,),
        "Cannot read video 'song.mp3': it has audio and no video.",
    ),
    (
        VideoNotFoundError("camera 3", "this machine has no camera"),
        (VideoReadError, ValueError, FileNotFoundError, OSError),
        "Cannot read video 'camera 3': this machine has no camera.",
    ),
    (
        InvalidOptionError("top_k", 0, "at least 1"),
        (ValueError,),
        "Invalid value 0 for top_k: expected at least 1.",
    ),
    (
        ArgumentTypeError("result", ["smile.jpg"], "one ImageResult"),
        (InvalidOptionError, ValueError, TypeError),
        "Invalid type 'list' for result: expected one ImageResult.",
    ),
    (
        UnknownNameError("model", "mahn", ["mhan", "han_pff"]),
        (LookupError,),
        "Unknown model 'mahn'. Did you mean 'mhan'? Known: han_pff, mhan.",
    ),
    (
        LabelMappingError("contempt", "pair", ["fear", "anger"]),
        (ValueError,),
        "The label set 'pair' has no class for 'contempt'. It has: fear, anger. "
        "Leave out the samples of that class, or choose a label set that has it.",
    ),
    (
        MissingPackageError("insightface", "The detector 'scrfd'", "pip install 'fer-zoo[insightface]'"),
        (ImportError,),
        "The detector 'scrfd' needs the package 'insightface', which is not installed. "
        "Install it with: pip install 'fer-zoo[insightface]'",
    ),
    (
        UnknownSettingError("data.knd", ["data.kind", "model.name"]),
        (LookupError,),
        "Unknown setting 'data.knd'. Did you mean 'data.kind'? The file run.yaml of any run shows what can be set.",
    ),
    (
        RunFolderError("out", "holds a finished run", "Choose another folder."),
        (FileExistsError, OSError),
        "The folder 'out' holds a finished run. Choose another folder.",
    ),
    (
        TrainingDataError("There are no pictures"),
        (ValueError,),
        "There are no pictures. To see what a data set holds: fer-zoo data check KIND PATH",
    ),
    (
        TrainingDivergedError(0.5, 1.25),
        (ArithmeticError,),
        "The training has diverged, after 1.25 of its epochs: some weights are no longer finite numbers. Begin anew "
        "(--restart) with a lower training.learning_rate, which was 0.5, a longer training.warmup_steps, or "
        "training.bf16 in the place of training.fp16.",
    ),
    (
        WorkerError("no memory is left"),
        (RuntimeError,),
        "The workers gave up: no memory is left. What they finished is kept; the same call goes on.",
    ),
    (CheckpointError("It lacks 2 parameters."), (ValueError,), "It lacks 2 parameters."),
    (
        WeightsNotFoundError("det.onnx", "Give the path of a file."),
        (FileNotFoundError, OSError),
        "There are no weights 'det.onnx'. Give the path of a file.",
    ),
    (
        WeightsIntegrityError("mhan.safetensors", "aa11", "bb22"),
        (ValueError,),
        "The weight file 'mhan.safetensors' has the sha256 bb22, expected aa11. "
        "It is damaged or was replaced: reinstall the package that carries it.",
    ),
    (HubError("push", "me/mhan", "the disk is full"), (OSError,), "Cannot push 'me/mhan': the disk is full."),
    (
        HubAccessError("push", "me/mhan", "the token is wrong"),
        (HubError, PermissionError),
        "Cannot push 'me/mhan': the token is wrong.",
    ),
    (
        HubConnectionError("pull", "me/mhan", "it broke off"),
        (HubError, ConnectionError),
        "Cannot pull 'me/mhan': it broke off.",
    ),
    (
        HubNotFoundError("pull", "me/mhan", "there is no such repository"),
        (HubError, FileNotFoundError),
        "Cannot pull 'me/mhan': there is no such repository.",
    ),
    (
        CacheConflictError("fer_zoo/mhan", "models--fer_zoo--mhan"),
        (FileExistsError, OSError),
        "The cache has 'fer_zoo/mhan' from the Hub already, in 'models--fer_zoo--mhan', and it is left as it is. "
        "To replace it by the embedded model, remove it first: hf cache rm model/fer_zoo/mhan",
    ),
    (
        DatasetLayoutError("raf_db", "faces", "Image is missing", "Image/\nEmoLabel/", "Ask its authors."),
        (FileNotFoundError, OSError),
        "No data set 'raf_db' in 'faces': Image is missing. It looks like this:\n"
        "    Image/\n    EmoLabel/\nAsk its authors.",
    ),
    (
        AnnotationError("label.csv", 3, "the label 9 is not in 1 to 7"),
        (ValueError,),
        "Cannot use line 3 of 'label.csv': the label 9 is not in 1 to 7.",
    ),
    (
        EmptyClassError("faces, train", "raf_db", ["fear", "anger"]),
        (ValueError,),
        "The data set 'faces, train' has no sample of: fear, anger. Add some, or translate it to a label set without "
        "these classes, mapped_to(LabelSet(...)), instead of 'raf_db'.",
    ),
    (DatasetWarning("It has 3 pictures."), (UserWarning,), "It has 3 pictures."),
    (
        FallbackWarning("it is small"),
        (UserWarning,),
        "attn_implementation='fused' falls back to 'eager' for an input: it is small. The answers are the same. "
        "Other inputs with this reason fall back without a word.",
    ),
]

CASES += [
    (
        ResultFileError("out.jsonl", 3, "it is no result (KeyError: 'faces')"),
        (ValueError,),
        "Cannot use line 3 of 'out.jsonl': it is no result (KeyError: 'faces').",
    ),
    (
        SmallerBatchWarning(16, 8, "faces"),
        (RuntimeWarning,),
        "There is not enough memory for 16 faces together; going on with 8 at a time. The answers are the same. "
        "A smaller batch_size saves the failed try.",
    ),
]

every_error = pytest.mark.parametrize(
    ("error", "builtins", "message"), CASES, ids=[type(error).__name__ for error, _, _ in CASES]
)


@every_error
class TestEveryError:
    """Facts that hold for each class."""

    def test_message(self, error: FerZooError, builtins: tuple[type[Exception], ...], message: str) -> None:
        """The message names what was given, what was expected and what to do."""
        assert str(error) == message

    def test_is_caught_by_the_base_and_by_the_builtin_that_fits(
        self, error: FerZooError, builtins: tuple[type[Exception], ...], message: str
    ) -> None:
        """Code that knows nothing of this package catches it with a builtin."""
        parents: tuple[type[Exception], ...] = (FerZooError, *builtins)

        for parent in parents:
            with pytest.raises(parent) as caught:
                raise error

            assert caught.value is error

    def test_pickle_round_trip(self, error: FerZooError, builtins: tuple[type[Exception], ...], message: str) -> None:
        """An error that crosses to another process keeps its class, its message and its attributes."""
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

        assert type(copy) is type(error)
        assert str(copy) == message
        assert vars(copy) == vars(error)
        assert getattr(copy, "name", None) == getattr(error, "name", None)


def test_no_error_is_left_out() -> None:
    """The cases above hold one error of every class in the module."""
    classes = {member for _, member in inspect.getmembers(errors, inspect.isclass) if issubclass(member, Exception)}

    assert {type(error) for error, _, _ in CASES} == classes


def test_every_class_derives_from_the_base() -> None:
    """``except FerZooError`` catches all that this package raises on purpose."""
    classes = [member for _, member in inspect.getmembers(errors, inspect.isclass) if issubclass(member, Exception)]

    assert all(issubclass(member, FerZooError) for member in classes)


@pytest.mark.parametrize("error_class", [ImageReadError, ImageNotFoundError, ImageTooLargeError])
def test_image_errors_keep_source_and_reason(error_class: type[ImageReadError]) -> None:
    """Both parts of the message can be read by a program."""
    error = error_class("face.png", "it is empty")

    assert (error.source, error.reason) == ("face.png", "it is empty")


def test_missing_package_error_names_the_package() -> None:
    """The attribute of ImportError for the name of the module is filled."""
    assert MissingPackageError("onnx", "This", "pip install onnx").name == "onnx"


@pytest.mark.parametrize(
    ("value", "shown"), [("fast", "'fast'"), (None, "None"), (1.5, "1.5"), ([3, 4], "[3, 4]")], ids=str
)
def test_invalid_option_shows_the_value_as_it_is_written(value: object, shown: str) -> None:
    """A text stands in quotes, so that it differs from a number or None."""
    assert str(InvalidOptionError("mode", value, "'raise' or 'skip'")) == (
        f"Invalid value {shown} for mode: expected 'raise' or 'skip'."
    )


def test_argument_that_is_a_class_is_shown_as_one() -> None:
    """A class where an object of it belongs does not look like the object."""
    assert str(ArgumentTypeError("picture", bytes, "bytes")) == (
        "Invalid type 'type[bytes]' for picture: expected bytes."
    )


class TestUnknownName:
    """The hint of an unknown name."""

    def test_nothing_is_suggested_if_nothing_is_close(self) -> None:
        """A name unlike all others is answered with the list alone."""
        assert str(UnknownNameError("model", "resnet50", ["mhan", "han_pff"])) == (
            "Unknown model 'resnet50'. Known: han_pff, mhan."
        )

    def test_case_does_not_matter(self) -> None:
        """Capital letters do not hide the name that was meant, and are shown as they were typed."""
        assert str(UnknownNameError("model", "MHAN", ["mhan"])) == (
            "Unknown model 'MHAN'. Did you mean 'mhan'? Known: mhan."
        )

    def test_only_the_closest_name_is_suggested(self) -> None:
        """Of two names that are alike, the one with fewer differences is meant."""
        assert str(UnknownNameError("label set", "affectnet8", ["affectnet_7", "affectnet_8"])) == (
            "Unknown label set 'affectnet8'. Did you mean 'affectnet_8'? Known: affectnet_7, affectnet_8."
        )

    def test_known_names_may_come_from_any_iterable(self) -> None:
        """A generator, which can be read only once, serves for the hint and for the list."""
        assert str(UnknownNameError("task", "b", (name for name in "ca"))) == "Unknown task 'b'. Known: a, c."


def test_annotation_error_without_a_line_names_the_file_alone() -> None:
    """A folder or a file with a single label has no line to name."""
    assert str(AnnotationError("faces/smug", None, "it is no expression")) == (
        "Cannot use 'faces/smug': it is no expression."
    )
