"""OpenDP's side of the utility bench: one release per line of input, drawn `runs` times.

First line out: `opendp VERSION`, or `missing WHY` where it is not installed. A line in: epsilon, delta, l0, k,
runs, counts. The answer: the noise with the smaller threshold, its scale and threshold, per run the places and
values of the published rows.

Laplace with all of delta for the threshold, or Gaussian with half of it: the scale by OpenDP's own search, the
threshold as the least T whose map keeps delta at T - 1 (opendp#2922: its map claims too little at T itself). k is
put under it as in Weir: nothing below k, and of n units as if they were n - k + 1.
"""

import json
import math
import sys

try:
    import opendp.prelude as dp
    from importlib.metadata import version
except ImportError as error:
    print("missing", error, flush=True)
    sys.exit(0)

dp.enable_features("contrib")
print("opendp", version("opendp"), flush=True)

DOMAIN = dp.map_domain(dp.atom_domain(T="u32"), dp.atom_domain(T="i64"))


def laplace(scale, threshold):
    metric = dp.l01inf_distance(dp.absolute_distance(T="i64"))
    return dp.m.make_laplace_threshold(DOMAIN, metric, scale, threshold)


def gaussian(scale, threshold):
    metric = dp.l02inf_distance(dp.absolute_distance(T="f64"))
    return dp.m.make_gaussian_threshold(DOMAIN, metric, scale, threshold)


def least_threshold(make, scale, change, delta):
    fits = lambda t: make(scale, t).map(change)[1] <= delta
    return dp.binary_search(fits, bounds=(1, 1 << 20), T=int) + 1


def largest_rho(epsilon, delta):
    low, high = 0.0, epsilon
    for _ in range(60):
        rho = (low + high) / 2
        scale = math.sqrt(1 / (2 * rho))
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
        noise = dp.c.make_zCDP_to_approxDP(dp.m.make_gaussian(*space, scale))
        low, high = (rho, high) if noise.map(1.0).epsilon(delta) <= epsilon else (low, rho)
    return low


def release(epsilon, delta, l0, k, runs, counts):
    scale = l0 / epsilon
    options = [("laplace", laplace, scale, least_threshold(laplace, scale, (l0, l0, 1), delta))]
    scale = math.sqrt(l0 / (2 * largest_rho(epsilon, delta / 2)))
    change = (l0, math.sqrt(l0), 1.0)
    threshold = least_threshold(gaussian, scale, change, delta / 2)
    options.append(("gaussian", gaussian, scale, threshold))
    name, make, scale, threshold = min(options, key=lambda option: option[3])
    measurement = make(scale, threshold)
    over = {n: count - k + 1 for n, count in enumerate(counts) if count >= k}
    drawn = []
    for _ in range(runs):
        rows = measurement(over)
        drawn.append([list(rows.keys()), [value + k - 1 for value in rows.values()]])
    return {"noise": name, "scale": scale, "threshold": threshold, "drawn": drawn}


for line in sys.stdin:
    print(json.dumps(release(**json.loads(line))), flush=True)
