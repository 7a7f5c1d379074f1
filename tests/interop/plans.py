"""What botocore reads in shared files, and where it would take credentials from: one line of JSON for each case in a file.

A case is {"env": {…}}; its files are where its environment says. No program is run and nobody is asked: who would be is
told by a text such as `process /bin/p > arn:aws:iam::1:role/r - - - -`, the source first, then each role with its session
name, external id, duration and device.
"""

import json
import os
import sys
import warnings

import botocore.configprovider
import botocore.credentials
import botocore.session

warnings.filterwarnings("ignore")
Credentials = botocore.credentials.Credentials


def attempt(find):
    try:
        return find()
    except Exception as error:  # Whatever it raises, it has found nothing.
        return {"error": f"{type(error).__name__}: {error}"}


def texts(*values):
    """The values in a row; a block of lines where a text was expected is an error, as it is when botocore uses it."""
    if not all(isinstance(value, str | None) for value in values):
        raise TypeError("a block of lines")
    return " ".join(value or "-" for value in values)


def keep_to_oneself():
    """Puts a name in the place of all who are not to be asked."""
    credentials = botocore.credentials
    process, login = credentials.ProcessProvider, credentials.LoginCredentialFetcher
    # Only whether it is there matters: it is for refreshing a sign-in.
    credentials.EC = object()
    process._retrieve_credentials_using = lambda self, command: {
        "access_key": f"process {texts(command)}", "secret_key": "", "account_id": None}
    login.load_cached_credentials = lambda self: {
        "access_key": f"login {texts(self._session_name)}", "secret_key": "", "token": "", "account_id": "",
        "expiry_time": "2099-01-01T00:00:00Z"}
    for provider, name in [(credentials.EnvProvider, "environment"), (credentials.ContainerProvider, "container"),
                           (credentials.InstanceMetadataProvider, "metadata")]:
        provider.load = lambda self: None
        provider.name = name
    sourcer = credentials.CanonicalNameCredentialSourcer
    sourcer.source_credentials = lambda self, source: Credentials(self._get_provider(source).name, "", method="named")


def told(credentials):
    """The text for credentials that have been found but not asked for."""
    if credentials.method in ("custom-process", "login", "named"):
        return credentials.access_key
    if not isinstance(credentials, botocore.credentials.DeferredRefreshableCredentials):
        found = texts(credentials.access_key, credentials.secret_key, credentials.token, credentials.account_id)
        return f"keys {found}"
    refresh = credentials._refresh_using
    # Where a code has to be asked for first, the method is in a wrapper.
    fetcher = getattr(refresh, "_refresh", refresh).__self__
    if credentials.method == "sso":
        found = texts(fetcher._sso_session_name, fetcher._start_url, fetcher._sso_region, fetcher._account_id,
                      fetcher._role_name)
        return f"sso {found}"
    arguments = fetcher._assume_kwargs
    session = None if fetcher._using_default_session_name else arguments["RoleSessionName"]
    if credentials.method == "assume-role-with-web-identity":
        return f"web {texts(fetcher._role_arn, fetcher._web_identity_token_loader._web_identity_token_path, session)}"
    seconds = arguments.get("DurationSeconds")
    role = texts(fetcher._role_arn, session, arguments.get("ExternalId"), seconds and str(seconds),
                 arguments.get("SerialNumber"))
    return f"{told(fetcher._source_credentials)} > {role}"


def found(case):
    os.environ.clear()
    os.environ.update(case["env"])
    session = botocore.session.Session()

    def plan():
        credentials = botocore.credentials.create_credential_resolver(session).load_credentials()
        return credentials and told(credentials)

    def endpoint_url():
        if session.get_config_variable("ignore_configured_endpoint_urls"):
            return None
        provider = botocore.configprovider.ConfiguredEndpointProvider(
            full_config=session.full_config, scoped_config=session.get_scoped_config(), client_name="firehose")
        return provider.provide()

    return {
        "profiles": attempt(lambda: session.full_config["profiles"]),
        "plan": attempt(plan),
        "region": attempt(lambda: session.get_config_variable("region")),
        "endpoint_url": attempt(endpoint_url),
    }


def main():
    keep_to_oneself()
    with open(sys.argv[1], encoding="utf-8") as cases:
        for line in cases:
            print(json.dumps(found(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
