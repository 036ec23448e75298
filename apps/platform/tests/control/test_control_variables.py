from lumina_platform.control.variables import unknown


def test_a_misspelt_setting_is_found_with_the_one_that_was_meant() -> None:
    environ = {"LUMINA_GATEWAY_MAX_INFLIGHT": "9", "LUMINA_SOMETHING_ELSE_ENTIRELY": "1", "PATH": "/bin"}

    assert list(unknown(environ)) == [
        ("LUMINA_GATEWAY_MAX_INFLIGHT", "LUMINA_GATEWAY_MAX_IN_FLIGHT"),
        ("LUMINA_SOMETHING_ELSE_ENTIRELY", None),
    ]


def test_settings_and_what_processes_tell_each_other_are_known() -> None:
    environ = {
        "LUMINA_HOME": "/x",
        "LUMINA_PLATFORM_GATEWAY_PROCESSES": "2",
        "LUMINA_GATEWAY_MAX_BODY_BYTES": "9",
        "LUMINA_INFERENCE_MODELS_DIR": "/m",
        "LUMINA_GATEWAY_SIBLINGS": "",
    }

    assert list(unknown(environ)) == []
