"""The libraries that are compared, each behind the same few methods.

``worker.py`` uses them in the environment of the library, so this file needs nothing but the standard library and what
the contender is.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any, Protocol

#: What holds the detector of those that have none, or a better one than their default: MTCNN, with its weights.
MTCNN = "facenet_pytorch"


class Clock:
    """Notes how long things take, in milliseconds."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    def time(self, name: str, call: Any) -> Any:
        """Return what a call gives, and note how long it took."""
        start = time.perf_counter()
        answer = call()
        self.milliseconds[name] = 1000 * (time.perf_counter() - start)
        return answer


class Library(Protocol):
    """A library that finds faces and classifies them.

    Attributes:
        package: its name, for the version.
        modules: what to import, in this order.
    """

    package: str
    modules: tuple[str, ...]

    def __init__(self, options: dict[str, Any]) -> None:
        """Construct everything that a first picture needs."""
        ...

    def analyse(self, pictures: list[str]) -> int:
        """Analyse the pictures of these paths, and return how many faces there are."""
        ...

    def prepare_faces(self, picture: str) -> int:
        """Find the faces of a picture for :meth:`classify_faces`, and return how many there are."""
        ...

    def classify_faces(self) -> None:
        """Classify the prepared faces, cutting them out included."""
        ...


class FerZoo:
    """This package.

    Args:
        options: ``backend``, ``precision``, ``threads``, ``model``, and ``scrfd`` for a file of that detector.
    """

    package = "fer-zoo"
    modules: tuple[str, ...] = ("fer_zoo.pipelines",)

    def __init__(self, options: dict[str, Any]) -> None:
        fer_zoo = import_module("fer_zoo")
        detector = "center_face"
        if options.get("scrfd"):
            detector = import_module("fer_zoo.detection").ScrfdDetector(options["scrfd"])
        names = ("model", "backend", "precision", "threads")
        chosen = {name: options[name] for name in names if options.get(name) is not None}
        self.pipe = fer_zoo.pipeline(detector=detector, device="cpu", **chosen)

    def analyse(self, pictures: list[str]) -> int:
        """Analyse pictures: one as one, several as a list."""
        results = self.pipe.analyze(pictures) if len(pictures) > 1 else [self.pipe.analyze(pictures[0])]
        return sum(len(result.faces) for result in results)

    def prepare_faces(self, picture: str) -> int:
        """Read a picture and find its faces."""
        self.image = import_module("fer_zoo.imaging").read_image(picture)
        self.faces = self.pipe.find_faces([self.image])
        return len(self.faces[0])

    def classify_faces(self) -> None:
        """Classify them."""
        self.pipe.classify_faces([self.image], self.faces)

    def steps(self, picture: str) -> dict[str, float]:
        """Return how long each step of a picture takes, in milliseconds."""
        clock = Clock()
        image = clock.time("read", lambda: import_module("fer_zoo.imaging").read_image(picture))
        faces = clock.time("detect", lambda: self.pipe.find_faces([image])[0])
        processor, model = self.pipe.image_processor, self.pipe.model
        crops = clock.time("crop", lambda: processor.crop_faces(image, faces))
        features = clock.time(
            "pixel values", lambda: processor(crops, return_tensors="pt", input_data_format="channels_last")
        )
        with import_module("torch").inference_mode():
            clock.time("classify", lambda: model(features["pixel_values"].to(model.dtype)))
        return clock.milliseconds


class Fer:
    """The package ``fer`` as it comes, with Haar cascades."""

    package = "fer"
    modules: tuple[str, ...] = ("fer.fer",)
    has_mtcnn = False

    def __init__(self, options: dict[str, Any]) -> None:
        del options
        self.cv2 = import_module("cv2")
        self.recognizer = import_module("fer.fer").FER(mtcnn=self.has_mtcnn)

    def analyse(self, pictures: list[str]) -> int:
        """Analyse pictures one after the other: it has nothing else."""
        return sum(len(self.recognizer.detect_emotions(self.cv2.imread(picture))) for picture in pictures)

    def prepare_faces(self, picture: str) -> int:
        """Read a picture and find its faces."""
        self.image = self.cv2.imread(picture)
        self.boxes = [result["box"] for result in self.recognizer.detect_emotions(self.image)]
        return len(self.boxes)

    def classify_faces(self) -> None:
        """Classify them."""
        self.recognizer.detect_emotions(self.image, face_rectangles=self.boxes)


class FerWithMtcnn(Fer):
    """The package ``fer`` with its other detector, MTCNN."""

    modules: tuple[str, ...] = (MTCNN, "fer.fer")  # torch first: after TensorFlow its import ends the process
    has_mtcnn = True


class DeepFace:
    """The package ``deepface`` with its default detector, OpenCV."""

    package = "deepface"
    modules: tuple[str, ...] = ("deepface.DeepFace",)

    def __init__(self, options: dict[str, Any]) -> None:
        del options
        self.cv2 = import_module("cv2")
        self.library = import_module("deepface").DeepFace
        self.library.build_model(task="facial_attribute", model_name="Emotion")

    def analyse(self, pictures: list[str]) -> int:
        """Analyse pictures one after the other."""
        return sum(len(self._analyse(self.cv2.imread(picture), "opencv")) for picture in pictures)

    def prepare_faces(self, picture: str) -> int:
        """Read a picture and cut its faces out."""
        image = self.cv2.imread(picture)
        regions = [face["region"] for face in self._analyse(image, "opencv")]
        self.crops = [image[r["y"] : r["y"] + r["h"], r["x"] : r["x"] + r["w"]] for r in regions]
        return len(self.crops)

    def classify_faces(self) -> None:
        """Classify them."""
        for crop in self.crops:
            self._analyse(crop, "skip")

    def _analyse(self, image: Any, detector: str) -> list[dict[str, Any]]:
        """Return its results."""
        options = {"actions": ["emotion"], "enforce_detection": False, "silent": True}
        results: list[dict[str, Any]] = self.library.analyze(image, detector_backend=detector, **options)
        return results


class EmotiEffLib:
    """The package ``emotiefflib`` on onnxruntime, with the detector of its examples, MTCNN."""

    package = "emotiefflib"
    modules: tuple[str, ...] = (MTCNN, "emotiefflib.facial_analysis")

    def __init__(self, options: dict[str, Any]) -> None:
        self.detector = import_module(MTCNN).MTCNN(keep_all=True)
        library = import_module("emotiefflib.facial_analysis")
        name = options.get("model", "enet_b0_8_best_vgaf")
        self.recognizer = library.EmotiEffLibRecognizer(engine="onnx", model_name=name)
        self.cv2 = import_module("cv2")

    def analyse(self, pictures: list[str]) -> int:
        """Analyse pictures one after the other, the faces of each together."""
        number = 0
        for picture in pictures:
            number += self.prepare_faces(picture)
            self.classify_faces()
        return number

    def prepare_faces(self, picture: str) -> int:
        """Read a picture and cut its faces out."""
        image = self.cv2.cvtColor(self.cv2.imread(picture), self.cv2.COLOR_BGR2RGB)
        boxes, _ = self.detector.detect(image)
        found = [] if boxes is None else boxes.astype(int).clip(0).tolist()
        self.crops = [image[top:bottom, left:right] for left, top, right, bottom in found]
        return len(self.crops)

    def classify_faces(self) -> None:
        """Classify them."""
        if self.crops:
            self.recognizer.predict_emotions(self.crops, logits=True)


#: Every library by name.
LIBRARIES: dict[str, type[Library]] = {
    "fer_zoo": FerZoo,
    "fer": Fer,
    "fer_mtcnn": FerWithMtcnn,
    "deepface": DeepFace,
    "emotiefflib": EmotiEffLib,
}
