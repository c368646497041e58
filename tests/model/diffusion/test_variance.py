"""P2: spread over the batch, exact counts make the loss of a step at least three times less noisy."""

from benchmarks.objective_variance import ESTIMATORS, losses


def test_exact_counts_in_strata_have_a_third_of_the_noise() -> None:
    noise = {name: float(losses(it, 256, 16, range(60)).std()) for name, it in ESTIMATORS.items()}
    assert noise["Bernoulli, independent"] > 3 * noise["exact-k, stratified"]
    assert noise["Bernoulli, stratified"] > 1.5 * noise["exact-k, stratified"]
    assert noise["exact-k, independent"] > 3 * noise["exact-k, stratified"]
