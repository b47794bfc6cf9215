"""OpenDP's Python package on the cells of the sampler bench: one release per line, its seconds as the answer.

argv: published-from, then per column a file of little-endian int64, `laplace` or `gaussian`, and the scale.
The first column selects. First line out: `opendp VERSION`, or `missing WHY` where it is not installed.
"""

import importlib.metadata
import sys
import time

try:
    import numpy
    import opendp.prelude as dp
except ImportError as error:
    print("missing", error, flush=True)
    sys.exit(0)

dp.enable_features("contrib")
published_from = int(sys.argv[1])
columns = []
for path, noise, scale in zip(sys.argv[2::3], sys.argv[3::3], sys.argv[4::3]):
    values = numpy.fromfile(path, dtype="<i8")
    domain = dp.vector_domain(dp.atom_domain(T="i64"))
    if noise == "laplace":
        draw = dp.m.make_laplace(domain, dp.l1_distance(T="i64"), float(scale))
    else:
        draw = dp.m.make_gaussian(domain, dp.l2_distance(T="f64"), float(scale))
    columns.append((values, draw))

print("opendp", importlib.metadata.version("opendp"), flush=True)
for _ in sys.stdin:
    begin = time.perf_counter()
    noised = [numpy.asarray(draw(values)) for values, draw in columns]
    kept = noised[0] >= published_from
    released = [column[kept] for column in noised]
    print(time.perf_counter() - begin, flush=True)
