"""UWS 1.1 documents: a job, its parts and the list of jobs as XML.

Source: UWS 1.1 appendix A (the schema) and STANDARDS: ``version="1.1"`` on ``job`` and
``jobs``, ``xsi:nil`` only where the schema allows it, times in UTC with Z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from distiller.core.times import dali
from distiller.vo.xmltext import clean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from distiller.vo.uws import Job, Pairs, Progress, Result

MEDIA_TYPE: Final = "text/xml"
NAMESPACE: Final = "http://www.ivoa.net/xml/UWS/v1.0"
INFO_NAMESPACE: Final = "urn:distiller:job-info:1"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_NSMAP: Final = {"uws": NAMESPACE, "xlink": _XLINK, "xsi": _XSI}


def job_document(job: Job, url: str) -> bytes:
    """Write a job as ``uws:job``; ``url`` is the job's own address."""
    root = _root("job", version="1.1")
    _text(root, "jobId", job.job_id)
    if job.run_id is not None:
        _text(root, "runId", job.run_id)
    _text_or_nil(root, "ownerId", job.owner)
    _text(root, "phase", job.phase.value)
    _instant(root, "quote", job.quote)
    _text(root, "creationTime", dali(job.creation_time))
    _instant(root, "startTime", job.start_time)
    _instant(root, "endTime", job.end_time)
    _text(root, "executionDuration", str(job.execution_duration_s))
    _instant(root, "destruction", job.destruction)
    _fill_parameters(_child(root, "parameters"), job.parameters)
    _fill_results(_child(root, "results"), job.results, url)
    if job.error is not None:
        summary = _child(root, "errorSummary")
        summary.set("type", job.error.type)
        summary.set("hasDetail", "true")
        _text(summary, "message", job.error.message)
    if job.progress is not None:
        _fill_progress(_child(root, "jobInfo"), job.progress)
    elif job.reused is not None:
        _fill_cached(_child(root, "jobInfo"), job.product_id or "", job.reused)
    return _bytes(root)


def job_list_document(jobs: Iterable[Job], url: str) -> bytes:
    """Write ``uws:jobs``; ``url`` is the list's own address, jobs are its children."""
    root = _root("jobs", version="1.1")
    for job in jobs:
        reference = _child(root, "jobref")
        reference.set("id", job.job_id)
        reference.set(f"{{{_XLINK}}}type", "simple")
        reference.set(f"{{{_XLINK}}}href", f"{url}/{job.job_id}")
        _text(reference, "phase", job.phase.value)
        if job.run_id is not None:
            _text(reference, "runId", job.run_id)
        _text_or_nil(reference, "ownerId", job.owner)
        _text(reference, "creationTime", dali(job.creation_time))
    return _bytes(root)


def parameters_document(parameters: Pairs) -> bytes:
    """Write ``uws:parameters``."""
    root = _root("parameters")
    _fill_parameters(root, parameters)
    return _bytes(root)


def results_document(results: Iterable[Result], url: str) -> bytes:
    """Write ``uws:results``; ``url`` is the job's own address."""
    root = _root("results")
    _fill_results(root, results, url)
    return _bytes(root)


def _fill_parameters(parent: etree._Element, parameters: Pairs) -> None:
    for name, value in parameters:
        _text(parent, "parameter", value).set("id", clean(name))


def _fill_results(parent: etree._Element, results: Iterable[Result], url: str) -> None:
    for result in results:
        element = _child(parent, "result")
        element.set("id", result.id)
        element.set(f"{{{_XLINK}}}type", "simple")
        element.set(f"{{{_XLINK}}}href", f"{url}/results/{result.id}")
        element.set("size", str(result.size))
        element.set("mime-type", result.media_type)


def _fill_progress(parent: etree._Element, progress: Progress) -> None:
    element = _info(parent, "progress")
    element.set("fraction", f"{progress.fraction:.3f}")
    element.text = clean(progress.text)


def _fill_cached(parent: etree._Element, product_id: str, made: datetime) -> None:
    element = _info(parent, "cached")
    element.set("product", product_id)
    element.set("made", dali(made))
    element.text = "given at once: the same configuration had made this product"


def _info(parent: etree._Element, tag: str) -> etree._Element:
    # A namespace of our own: UWS leaves the content of jobInfo to the service.
    names = {"info": INFO_NAMESPACE}
    return etree.SubElement(parent, f"{{{INFO_NAMESPACE}}}{tag}", nsmap=names)


def _root(tag: str, **attributes: str) -> etree._Element:
    root = etree.Element(f"{{{NAMESPACE}}}{tag}", nsmap=_NSMAP)
    for name, value in attributes.items():
        root.set(name, value)
    return root


def _child(parent: etree._Element, tag: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}")


def _text(parent: etree._Element, tag: str, value: str) -> etree._Element:
    element = _child(parent, tag)
    element.text = clean(value)
    return element


def _text_or_nil(parent: etree._Element, tag: str, value: str | None) -> None:
    if value is None:
        _child(parent, tag).set(f"{{{_XSI}}}nil", "true")
    else:
        _text(parent, tag, value)


def _instant(parent: etree._Element, tag: str, value: datetime | None) -> None:
    _text_or_nil(parent, tag, None if value is None else dali(value))


def _bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
