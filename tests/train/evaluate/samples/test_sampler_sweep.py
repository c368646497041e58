"""Settings of a sweep: every rule with every temperature and guidance, each once."""

from triptych.train.evaluate.samples.sampler_sweep import RULES, sweep_configs


def test_every_rule_goes_with_every_temperature_and_guidance_once() -> None:
    configs = sweep_configs([1.0, 0.8], [0.0, 2.0, 4.0])
    keys = [config.model_dump_json() for config in configs]
    assert len(keys) == len(set(keys)) == 6 * len(RULES)
    pairs = [(config.temperature, config.guidance) for config in configs[:: len(RULES)]]
    assert pairs == [(1.0, 0.0), (1.0, 2.0), (1.0, 4.0), (0.8, 0.0), (0.8, 2.0), (0.8, 4.0)]
    for number, config in enumerate(configs):
        assert config.rule == RULES[number % len(RULES)]["rule"]


def test_a_usual_temperature_and_guidance_are_not_said() -> None:
    assert [config.model_dump(exclude_unset=True) for config in sweep_configs([1.0], [0.0])] == list(RULES)
    cooler = sweep_configs([0.5], [0.0])[0].model_dump(exclude_unset=True)
    assert cooler == RULES[0] | {"temperature": 0.5}
