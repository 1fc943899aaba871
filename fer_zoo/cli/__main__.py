"""``python -m fer_zoo.cli``: the command line where a module is asked for, as ``torchrun -m`` does."""

from fer_zoo.cli import app

if __name__ == "__main__":
    app(prog_name="fer-zoo")
