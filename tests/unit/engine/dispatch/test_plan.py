"""Plans: every patient in one chunk, and what tells two plans apart."""

from understudy.engine.dispatch.plan import Chunk, Plan


def test_every_patient_is_in_one_chunk():
    for count, size in ((1, 1), (10, 3), (12, 4), (5, 100)):
        plan = Plan(count, size, {})
        chunks = list(plan)
        assert len(plan) == len(chunks)
        assert [patient for chunk in chunks for patient in range(chunk.first, chunk.last)] == list(
            range(count)
        )
        assert sum(len(chunk) for chunk in chunks) == count
        assert [chunk.number for chunk in chunks] == list(range(len(chunks)))


def test_a_plan_comes_back_from_json():
    plan = Plan(10, 3, {"engine": "auto", "outputs": ["Cp"], "tolerances": None})
    assert Plan.from_json(plan.to_json()) == plan


def test_differences_name_both_values():
    one = Plan(10, 3, {"engine": "auto", "model": "0123456789abcdef0123456789abcdef", "same": 1})
    other = Plan(20, 5, {"engine": "kernel", "model": "f" * 32, "same": 1, "new": True})
    assert list(one.differences(other)) == [
        "number of patients: 10 and 20",
        "engine: 'auto' and 'kernel'",
        "model: '0123456789a… and 'fffffffffff…",
        "new: None and True",
    ]
    assert not list(one.differences(Plan(10, 7, one.question))), (
        "the size of chunks is no part of the question"
    )


def test_chunks_are_told_apart_by_their_place():
    assert len({Chunk(0, 0, 5), Chunk(0, 0, 5), Chunk(1, 5, 10)}) == 2
