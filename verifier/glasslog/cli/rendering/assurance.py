"""What was tested, watched, written down and assessed, in words."""

from glasslog.cli.rendering.words import Fields, Lines, moment, octets, optional, party, span, under, yes
from glasslog.counting import counted


def evaluation(body: Fields) -> Lines:
    """Say what was tested by whom, and what came out."""
    who = "independent" if body["evaluator"]["independent"] else "not independent"
    yield "Evaluation", f"{body['kind']}: {body['verdict']}"
    yield (
        "Evaluator",
        f"{party(body['evaluator']['who'])} ({who}), with {body['tool']['name']} {body['tool']['version']}",
    )
    yield "Tested", f"model {body['model'].hex()} on dataset {body['dataset'].hex()}, {counted(body['n'], 'samples')}"
    yield from under("Measured", map(_metric, body["metrics"]) if body["metrics"] else ["nothing"])
    yield from under("By group", map(_disparity, body["disparities"]))
    yield from optional(body, samples_root=("Samples", octets))


def _metric(metric: Fields) -> str:
    group = f" for {metric['group']['attribute']} {metric['group']['value']}" if "group" in metric else ""
    interval = metric.get("ci", {})
    level = f" at {interval['level']}" if "level" in interval else ""
    bounds = f" ({interval['low']} to {interval['high']}{level})" if interval else ""
    samples = f", {counted(metric['n'], 'samples')}" if "n" in metric else ""
    return f"{metric['name']} {metric['value']}{bounds}{group}{samples}"


def _disparity(disparity: Fields) -> str:
    measure = "ratio" if "ratio" in disparity else "difference"
    found = f"{measure} {disparity[measure]}, threshold {disparity['threshold']}"
    return f"{disparity['metric']} by {disparity['attribute']}: {found}"


def monitoring(body: Fields) -> Lines:
    """Say what was watched, against what, and whether it is out of bounds."""
    of = f" of {body['feature']}" if "feature" in body else ""
    yield "Monitoring", f"{body['kind']}: {body['metric']}{of} {body['value']}, threshold {body['threshold']}"
    yield "Breached", yes(body["breached"])
    yield "Now", _sample(body["current"])
    yield "Against", _sample(body["reference"])
    yield "Computed by", body["procedure"]
    yield from optional(body, action=("Then", str))


def _sample(sample: Fields) -> str:
    which = span(sample["window"]) if "window" in sample else f"sample {sample['digest'].hex()}"
    return f"{which}, {counted(sample['n'], 'cases')}"


def document(body: Fields) -> Lines:
    """Say which document there is, for which time, and what it leaves out."""
    yield "Document", f"{body['title']} {body['version']} ({body['kind']})"
    yield "Digest", octets(body["digest"])
    yield "Covers", span(body["period"])
    yield from under("Left open", body.get("gaps", []))


def assessment(body: Fields) -> Lines:
    """Say who judged what, and for how long that holds."""
    yield "Assessment", f"{body['subject']}: {body['disposition']}"
    yield "By", party(body["by"])
    yield "Scope", body["scope"]
    yield "Valid until", moment(body["valid_until"])
    yield from under("Or until", body["triggers"])
