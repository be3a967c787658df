"""Many small images in one picture: a row for each class."""

from pathlib import Path

import numpy as np

from .errors import CourseDataError
from .images import Images

COLUMNS = 10
ENLARGED = 2


def write_contact_sheet(images: Images, path: str | Path) -> None:
    """Write the first ten images of every class into a PNG file, each twice as large as it is.

    Raises ValueError if the name does not end in .png, CourseDataError if the file cannot be written.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() != ".png":
        raise ValueError(f"The picture is a PNG file: name it {path.with_suffix('.png')}.")
    from matplotlib.image import imsave

    try:
        imsave(path, contact_sheet(images))
    except OSError as error:
        raise CourseDataError(f"{path} cannot be written: {error.strerror or error}.") from error


def contact_sheet(images: Images) -> np.ndarray:
    """The picture: uint8, (height, width, 3)."""
    pixels, labels = images.images.numpy().transpose(0, 2, 3, 1), images.labels.numpy()
    height, width = pixels.shape[1:3]
    sheet = np.zeros((len(images.classes) * height, COLUMNS * width, 3), np.uint8)
    for label in range(len(images.classes)):
        for column, number in enumerate(np.flatnonzero(labels == label)[:COLUMNS]):
            place = sheet[label * height : (label + 1) * height, column * width : (column + 1) * width]
            place[:] = pixels[number]  # one colour, grey, becomes three alike
    return sheet.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
