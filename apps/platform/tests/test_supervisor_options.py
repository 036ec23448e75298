import socket
from pathlib import Path

import pytest

from lumina_kit.home import Home
from lumina_platform.supervisor import layout, ports
from lumina_platform.supervisor.endpoints import Endpoints
from lumina_platform.supervisor.errors import BadCertificate, Exposed, UnsafeFolder
from lumina_platform.supervisor.options import Certificate, Logging, Options, logging_of
from lumina_platform.supervisor.ownership import prepare, run_folder
from lumina_platform.supervisor.ports import Sockets, Wanted
from lumina_platform.supervisor.settings import BadSetting, Settings, read


def test_listening_beyond_this_machine_is_refused_and_the_refusal_says_how(tmp_path: Path) -> None:
    with pytest.raises(Exposed) as caught:
        Options(Home(tmp_path), Wanted("0.0.0.0")).check()

    assert "--tls-cert" in (caught.value.next_step or "")
    assert "--insecure" in (caught.value.next_step or "")


def test_listening_beyond_this_machine_is_allowed_when_told_so(tmp_path: Path) -> None:
    Options(Home(tmp_path), Wanted("0.0.0.0"), insecure=True).check()


def test_a_file_that_is_no_certificate_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.write_text("hello")

    with pytest.raises(BadCertificate, match=r"cert\.pem"):
        Options(Home(tmp_path), certificate=Certificate(file, file)).check()


def test_logs_are_json_unless_people_read_along() -> None:
    assert logging_of(Settings(), to_terminal=True) == Logging("info", "console")
    assert logging_of(Settings(), to_terminal=False) == Logging("info", "json")
    assert logging_of(Settings(log_level="debug", log_format="json"), to_terminal=True) == Logging("debug", "json")


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    (tmp_path / "lumina.yaml").write_text("platform: {host: 127.0.0.2, port: 5080}\n")

    settings = read(Home(tmp_path), {"LUMINA_PLATFORM_PORT": "6080"})

    assert (settings.host, settings.port, settings.gateway_port) == ("127.0.0.2", 6080, 4000)


@pytest.mark.parametrize(("text", "on"), [("false", False), ("0", False), ("True", True)])
def test_telemetry_is_switched_by_the_file_or_the_environment(tmp_path: Path, text: str, on: bool) -> None:
    (tmp_path / "lumina.yaml").write_text(f"telemetry: {{enabled: {text}}}\n")

    assert read(Home(tmp_path), {}).telemetry is on
    assert read(Home(tmp_path), {"LUMINA_TELEMETRY_ENABLED": str(not on)}).telemetry is not on


def test_telemetry_that_is_neither_on_nor_off_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"telemetry\.enabled is 'maybe'; it must be true or false"):
        read(Home(tmp_path), {"LUMINA_TELEMETRY_ENABLED": "maybe"})


@pytest.mark.parametrize("name", ["port", "gateway_port", "gateway_processes", "log_level", "log_format"])
def test_a_wrong_setting_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "lumina.yaml").write_text(f"platform: {{{name}: loud}}\n")

    with pytest.raises(BadSetting, match=f"platform.{name} is 'loud'"):
        read(Home(tmp_path), {})


@pytest.mark.parametrize("number", ["0", "65", "-1", "2.5", "9" * 99])
def test_a_number_of_gateway_processes_out_of_bounds_is_refused(tmp_path: Path, number: str) -> None:
    with pytest.raises(BadSetting, match="a number from 1 to 64"):
        read(Home(tmp_path), {"LUMINA_PLATFORM_GATEWAY_PROCESSES": number})


def test_a_settings_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lumina.yaml").write_text("platform: [")

    with pytest.raises(BadSetting, match="cannot be read"):
        read(Home(tmp_path), {})


def sockets(host: str = "127.0.0.1") -> Sockets:
    return ports.listen(Wanted(host, 0, 0))


def test_children_are_told_where_everything_is(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    options = Options(Home(tmp_path), config=config, logging=Logging("debug", "json"))

    with sockets() as bound:
        where = layout.endpoints(options, bound, tmp_path / "run")
        told = {plan.name: plan.full_environment for plan in layout.plans(options, bound, where)}

    assert list(told) == ["control", "telemetry", "gateway", "embedded", "translator"]
    assert told["control"]["LUMINA_PUBLIC_URL"] == where.control
    assert told["embedded"]["LUMINA_GATEWAY_URL"] == where.gateway
    assert told["gateway"]["LUMINA_GATEWAY_CONFIG"] == str(config)
    assert told["gateway"]["LUMINA_LOG_LEVEL"] == "debug"
    assert "LUMINA_LISTEN_FD" in told["control"]
    assert "LUMINA_LISTEN_FD" not in told["embedded"]
    assert "LUMINA_TLS_CERT" not in told["control"]
    assert told["gateway"]["LUMINA_TELEMETRY_SOCKET"] == str(tmp_path / "run" / "telemetry.sock")


def test_without_telemetry_there_is_no_such_process_and_nobody_is_told_of_its_socket(tmp_path: Path) -> None:
    options = Options(Home(tmp_path), telemetry=False)

    with sockets() as bound:
        plans = layout.plans(options, bound, layout.endpoints(options, bound, tmp_path / "run"))

    assert [plan.name for plan in plans] == ["control", "gateway", "embedded", "translator"]
    assert all("LUMINA_TELEMETRY_SOCKET" not in plan.environment for plan in plans)


def test_children_log_json_in_whichever_form_people_read(tmp_path: Path) -> None:
    options = Options(Home(tmp_path), logging=Logging(form="console"))

    with sockets() as bound:
        plans = layout.plans(options, bound, layout.endpoints(options, bound, tmp_path / "run"))

    assert {plan.environment["LUMINA_LOG_FORMAT"] for plan in plans} == {"json"}


def test_the_address_of_a_proxy_is_told_instead_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINA_PUBLIC_URL", "https://lumina.example.org")
    options = Options(Home(tmp_path))

    with sockets() as bound:
        where = layout.endpoints(options, bound, tmp_path)
        told = layout.plans(options, bound, where)[0].environment

    assert told["LUMINA_PUBLIC_URL"] == "https://lumina.example.org"
    assert where.control.startswith("http://127.0.0.1:")


def test_every_address_is_reached_over_loopback(tmp_path: Path) -> None:
    with sockets("0.0.0.0") as bound:
        where = layout.endpoints(Options(Home(tmp_path), Wanted("0.0.0.0")), bound, tmp_path)

    assert where.control.startswith("http://127.0.0.1:")


def test_under_a_certificate_the_name_it_is_for_is_told(tmp_path: Path) -> None:
    options = Options(Home(tmp_path), Wanted("localhost"), certificate=Certificate(tmp_path / "c", tmp_path / "k"))

    with sockets() as bound:
        where = layout.endpoints(options, bound, tmp_path)
        told = layout.plans(options, bound, where)[0].environment

    assert where.control.startswith("https://localhost:")
    assert (where.certificate, told["LUMINA_TLS_KEY"]) == (str(tmp_path / "c"), str(tmp_path / "k"))


def test_endpoints_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = Endpoints(7, "http://127.0.0.1:1", "http://127.0.0.1:2", "/run/x", "/cert")

    written.write(Home(tmp_path))

    assert Endpoints.read(Home(tmp_path)) == written


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_endpoints_that_cannot_be_read_are_none(tmp_path: Path, content: str) -> None:
    Home(tmp_path).endpoints_file.write_text(content)

    assert Endpoints.read(Home(tmp_path)) is None


def test_a_home_that_is_a_file_is_refused_with_the_flag(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder")

    with pytest.raises(UnsafeFolder) as caught:
        prepare(Home(tmp_path / "home"))

    assert "--home" in (caught.value.next_step or "")


def test_an_existing_home_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)

    prepare(Home(tmp_path / "home"))

    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_a_run_folder_that_is_a_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    home = Home(tmp_path / "home")
    (tmp_path / "trap").mkdir()
    home.run_dir.symlink_to(tmp_path / "trap")

    with pytest.raises(UnsafeFolder), run_folder(home):
        pass


def test_what_a_killed_run_left_in_the_run_folder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    home = Home(tmp_path / "home")
    home.run_dir.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(home.run_dir / "control.sock"))

    with run_folder(home) as folder:
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700

    assert not home.run_dir.exists()


def test_gateway_processes_share_one_socket_and_each_knows_its_name_and_the_others(tmp_path: Path) -> None:
    with sockets() as bound:
        options = Options(Home(tmp_path), gateway_processes=3)
        plans = layout.plans(options, bound, layout.endpoints(options, bound, tmp_path / "run"))
        gateways = [plan for plan in plans if plan.listen is bound.gateway]

    assert [plan.name for plan in gateways] == ["gateway", "gateway-2", "gateway-3"]
    assert gateways[1].environment["LUMINA_GATEWAY_INSTANCE"] == "gateway-2"
    assert gateways[1].environment["LUMINA_GATEWAY_SIBLINGS"] == "gateway,gateway-3"
