"""Weir's catalogue of open data against somebody else's rules: the SHACL shapes of DCAT-AP 3 and mobilityDCAT-AP.

    python catalogue.py SCHEMAS CATALOGUE.jsonld BASE

SCHEMAS is the folder of public schemas (it is not in the repository), BASE the address that the catalogue was read
from. It has to hold, and each of its spoilt copies has to be found: a check that finds nothing would prove nothing.
"""

import copy
import json
import pathlib
import sys

import pyshacl
from rdflib import DCAT, DCTERMS, RDF, Graph, URIRef

SHAPES = ["dcat-ap/shapes.ttl", "dcat-ap/range.ttl", "mobilitydcat-ap/shapes.ttl"]


def read(catalogue, base):
    return Graph().parse(data=json.dumps(catalogue), format="json-ld", publicID=base)


def faults(shapes, graph):
    for name, shape in shapes.items():
        conforms, _, text = pyshacl.validate(graph, shacl_graph=shape, advanced=True)
        if not conforms:
            yield f"{name}: {text}"


def lacking(name):
    return lambda dataset: dataset.pop(name)


def in_a_file(name, value):
    def spoil(dataset):
        dataset["dcat:distribution"][0][name] = value
        if value is None:
            del dataset["dcat:distribution"][0][name]

    return spoil


SPOILT = [
    ("no title", lacking("dct:title")),
    ("no mobility theme", lacking("mobilitydcatap:mobilityTheme")),
    ("no data standard", in_a_file("mobilitydcatap:mobilityDataStandard", None)),
    ("two sizes", in_a_file("dcat:byteSize", [{"@type": "xsd:nonNegativeInteger", "@value": n} for n in "12"])),
    ("a size of no number", in_a_file("dcat:byteSize", {"@type": "xsd:string", "@value": "large"})),
    ("two publishers", lambda dataset: dataset.update({"dct:publisher": [dataset["dct:publisher"], OTHER]})),
]
OTHER = {"@id": "urn:weir:org:other", "@type": "foaf:Agent", "foaf:name": "other"}


def main(schemas, file, base):
    shapes = {name: Graph().parse(pathlib.Path(schemas) / name) for name in SHAPES}
    catalogue = json.loads(pathlib.Path(file).read_text())
    graph = read(catalogue, base)
    found = list(faults(shapes, graph))
    files = set(graph.subjects(RDF.type, DCAT.Distribution))
    # DCAT-AP's shapes do not notice a missing address of access.
    for each in files:
        for name in [DCAT.accessURL, DCAT.downloadURL, DCAT.mediaType, DCTERMS.license]:
            if (each, name, None) not in graph:
                found.append(f"{each} has no {name}")
        if not str(each).startswith(base):
            found.append(f"{each} is not under {base}")
    relative = {term for triple in graph for term in triple if isinstance(term, URIRef) and ":" not in term}
    if relative:
        found.append(f"not resolved: {relative}")
    for what, spoil in SPOILT:
        spoilt = copy.deepcopy(catalogue)
        public = [dataset for dataset in spoilt["dcat:dataset"] if "dcat:distribution" in dataset]
        spoil(public[0])
        if not list(faults(shapes, read(spoilt, base))):
            found.append(f"nobody notices {what}")
    for fault in found:
        print(fault, file=sys.stderr)
    datasets = len(set(graph.subjects(RDF.type, DCAT.Dataset)))
    print(f"{datasets} datasets, {len(files)} files: {'NOT ' * bool(found)}as they should be")
    return bool(found) or not files


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
