"""How fast fer-zoo is, and how fast what else one could take: one command, ``python -m benchmarks.speed``.

``docs/speed.md`` says what is measured and how; ``python -m benchmarks.speed --help`` lists the options.
"""
