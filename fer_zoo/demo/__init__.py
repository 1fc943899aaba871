"""The web page (extra ``demo``): a picture or the webcam in, boxes, charts and attention out; and an HTTP API."""

from fer_zoo.demo.analyzer import FaceAnalyzer, PictureAnalysis
from fer_zoo.demo.limits import DemoLimits
from fer_zoo.demo.page import create_page
from fer_zoo.demo.server import serve

__all__ = ["DemoLimits", "FaceAnalyzer", "PictureAnalysis", "create_page", "serve"]
