"""Weir's ODRL policies against somebody else's rules: the W3C's SHACL shapes, the Dataspace Protocol's schemas.

    python check.py SCHEMAS POLICY.jsonld...

SCHEMAS is the folder of public schemas (it is not in the repository). `tests/venv odrl` installs what this
needs. Each policy has to hold, has to mean the same under both contexts, and each of its spoilt copies has to be
found: a check that finds nothing would prove nothing.
"""

import copy
import json
import pathlib
import sys

import jsonschema
import pyshacl
from rdflib import RDF, RDFS, Graph, Namespace, URIRef
from rdflib.compare import isomorphic
from referencing import Registry, Resource

ODRL = Namespace("http://www.w3.org/ns/odrl/2/")
HERE = pathlib.Path(__file__).parent
PROFILE = HERE.parent.parent / "docs" / "odrl-profile.ttl"
RULES = ["permission", "prohibition", "obligation"]


class Checks:
    def __init__(self, schemas):
        self.contexts = {
            name: json.loads((schemas / name).read_text())["@context"]
            for name in ["odrl/ODRL22.jsonld", "dsp/odrl.jsonld"]
        }
        self.shapes = Graph().parse(schemas / "odrl" / "shapesv2.ttl")
        self.profile = Graph().parse(PROFILE)
        documents = [json.loads(path.read_text()) for path in (schemas / "dsp").glob("*-schema.json")]
        self.registry = Registry().with_resources(
            (document["$id"], Resource.from_contents(document)) for document in documents
        )

    def graph(self, policy, context="odrl/ODRL22.jsonld"):
        """The policy's triples, without a look at the network."""
        policy = policy | {"@context": self.contexts[context]}
        return Graph().parse(data=json.dumps(policy), format="json-ld")

    def shacl(self, policy):
        """None, or what the shapes have against it."""
        graph = typed(self.graph(spelt_out(policy))) + self.profile
        conforms, _, text = pyshacl.validate(graph, shacl_graph=self.shapes)
        return None if conforms else text

    def dataspace(self, policy):
        """None, or what the schemas have against it: alone, and inside the message that carries it."""
        alone = {name: value for name, value in policy.items() if name != "@context"}
        message = {
            "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
            "providerPid": "urn:uuid:0",
            "consumerPid": "urn:uuid:1",
        }
        if policy["@type"] == "Offer":
            message |= {"@type": "ContractOfferMessage", "offer": alone}
            kind = "contract-offer-message"
        else:
            message |= {"@type": "ContractAgreementMessage", "agreement": alone}
            kind = "contract-agreement-message"
        return self.schema(f"negotiation/{kind}", message) or self.schema("negotiation/contract", alone)

    def schema(self, name, value):
        schema = {"$ref": f"https://w3id.org/dspace/2025/1/{name}-schema.json"}
        validator = jsonschema.Draft201909Validator(schema, registry=self.registry)
        return next((error.message for error in validator.iter_errors(value)), None)


def spelt_out(policy):
    """A compact policy's parties and target in each of its rules (ODRL 2.2 information model, 2.7.1)."""
    policy = copy.deepcopy(policy)
    shared = {name: policy.pop(name) for name in ["target", "assigner", "assignee"] if name in policy}
    for rule in (rule for kind in RULES for rule in policy.get(kind, [])):
        rule |= shared
    return policy


def typed(graph):
    """The classes that the information model gives by where a thing stands; the shapes look for them."""
    classes = {ODRL.permission: ODRL.Permission, ODRL.prohibition: ODRL.Prohibition, ODRL.obligation: ODRL.Duty}
    for about, name, thing in list(graph):
        if name in classes:
            graph.add((thing, RDF.type, classes[name]))
            graph.add((thing, RDF.type, ODRL.Rule))
        if name == ODRL.constraint:
            graph.add((thing, RDF.type, ODRL.Constraint))
        if name == RDF.type and thing in (ODRL.Offer, ODRL.Agreement):
            graph.add((about, RDF.type, ODRL.Policy))
    return graph


def lacking(name):
    def spoil(policy):
        del policy[name]

    return spoil


def in_a_rule(name, value):
    def spoil(policy):
        policy["permission"][0][name] = value
        if value is None:
            del policy["permission"][0][name]

    return spoil


def in_a_constraint(name, value):
    def spoil(policy):
        policy["permission"][0]["constraint"][0][name] = value
        if value is None:
            del policy["permission"][0]["constraint"][0][name]

    return spoil


# What is spoilt, and who has to find it (the Dataspace Protocol's schemas know no second target).
SPOILT = [
    ("no assigner", lacking("assigner"), "shacl"),
    ("no target", lacking("target"), "shacl dataspace"),
    ("an action too few", in_a_rule("action", None), "shacl dataspace"),
    ("an action too many", in_a_rule("action", ["odrl:use", "odrl:sell"]), "shacl dataspace"),
    ("a constraint of nothing", in_a_constraint("leftOperand", None), "shacl dataspace"),
    ("a constraint without operator", in_a_constraint("operator", None), "shacl dataspace"),
    ("a constraint without value", in_a_constraint("rightOperand", None), "shacl dataspace"),
    ("an unknown operator", in_a_constraint("operator", "about"), "dataspace"),
    ("a bare number", in_a_constraint("rightOperand", 5), "dataspace"),
    ("no name", lacking("@id"), "shacl dataspace"),
    ("another class", lambda policy: policy.update({"@type": "Wish"}), "dataspace"),
]


def check(checks, policy):
    """Everything that is wrong with this policy, or with the checks."""
    for by in ["shacl", "dataspace"]:
        if found := getattr(checks, by)(policy):
            yield f"{by}: {found}"
    graphs = [checks.graph(policy, context) for context in checks.contexts]
    if not isomorphic(*graphs):
        yield "it means something else under the Dataspace Protocol's context"
    profile = URIRef(policy["profile"])
    named = {term for triple in graphs[0] for term in triple if str(term).startswith(f"{profile}:")}
    known = set(checks.profile.subjects(RDFS.comment))
    if unknown := named - known:
        yield f"docs/odrl-profile.ttl does not define {sorted(unknown)}"
    # An absolute name whose prefix no context knows would be a name of nothing.
    if strange := {term for triple in graphs[0] for term in triple if str(term).startswith("odrl:")}:
        yield f"not resolved: {sorted(strange)}"
    for what, spoil, finders in SPOILT:
        for by in finders.split():
            spoilt = copy.deepcopy(policy)
            spoil(spoilt)
            try:
                found = getattr(checks, by)(spoilt)
            except Exception as error:
                found = error
            if not found:
                yield f"{by} does not notice {what}"


def main(schemas, files):
    checks, failed = Checks(pathlib.Path(schemas)), False
    for file in files:
        for fault in check(checks, json.loads(pathlib.Path(file).read_text())):
            failed = True
            print(f"{file}: {fault}", file=sys.stderr)
    print(f"{len(files)} policies, each with {len(SPOILT)} spoilt copies: {'NOT ' * failed}as they should be")
    return failed or not files


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
