"""
fakesnow, made fit for the JavaScript driver. Run as: python server.py <port> <folder of the data> <settings in JSON>

Settings: "user" with "password" or "publicKey" (PEM), and "idleSeconds".

fakesnow speaks Snowflake's protocol over DuckDB, as far as Snowflake's Python driver needs it. What this adds:

* rows in JSON: the JavaScript driver does not read Arrow, in which fakesnow answers queries
* the parameters of a session which Snowflake sends along, and which the JavaScript driver formats values by
* ALTER SESSION SET is accepted; fakesnow knows two parameters only
* MERGE whose source is a query: the query is run first, since fakesnow takes its text for DuckDB's SQL
* SHOW UNIQUE KEYS; fakesnow never finds one
* one transaction at a time, as if each locked what it writes: DuckDB does not wait, it fails. One that is idle for so many seconds
  while others wait for it is rolled back, behind its session's back
* a session that is deleted rolls its transaction back; POST /cut ends those that wait for an answer
* passwords and key pairs are checked; fakesnow lets everybody in
* constraints and values that DuckDB refuses are errors with Snowflake's numbers, and not a server that is out of order
"""

import asyncio
import base64
import datetime
import gzip
import hashlib
import json
import sys
import time

import duckdb
import jwt
import pyarrow as pa
import snowflake.connector.errors as errors
import uvicorn
from cryptography.hazmat.primitives import serialization
from fakesnow import transforms
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.server import app, sessions, shared_fs
from sqlglot import exp, parse_one

EPOCH = datetime.date(1970, 1, 1)
PARAMETERS = {
    "TIMEZONE": "UTC",
    "BINARY_OUTPUT_FORMAT": "HEX",
    "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
    "TIME_OUTPUT_FORMAT": "HH24:MI:SS.FF9",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF9",
    "TIMESTAMP_LTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF9 TZHTZM",
    "TIMESTAMP_TZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF9 TZHTZM",
}


# Rows, as https://docs.snowflake.com describes results in JSON: every value a text.


def cell(value, kind):
    if value is None or (isinstance(value, dict) and value["epoch"] is None):
        return None
    if kind.startswith("timestamp"):
        text = f"{value['epoch']}.{value['fraction']:09d}"
        return f"{text} {value['timezone']}" if kind == "timestamp_tz" else text
    if kind == "boolean":
        return "1" if value else "0"
    if kind == "date":
        return str((value - EPOCH).days)
    if kind == "time":
        return f"{value // 10**9}.{value % 10**9:09d}"
    if kind == "binary":
        return bytes(value).hex().upper()
    return repr(value) if kind == "real" else str(value)


def rows_of(arrow, kinds):
    if not arrow:
        return []
    table = pa.ipc.open_stream(arrow).read_all()
    columns = [[cell(value, kind) for value in column.to_pylist()] for column, kind in zip(table.columns, kinds)]
    return [list(row) for row in zip(*columns)]


def in_json(body):
    answer = json.loads(body)
    data = answer.get("data") or {}
    if data.get("queryResultFormat") == "arrow":
        kinds = [column["type"] for column in data["rowtype"]]
        data["rowset"] = rows_of(base64.b64decode(data.pop("rowsetBase64")), kinds)
        data["queryResultFormat"] = "json"
    if "rowset" in data:
        data["returned"] = data["total"] = len(data["rowset"])
        data["parameters"] = [{"name": name, "value": value} for name, value in PARAMETERS.items()]
    return answer


# Statements that fakesnow does not know.

known_merge = transforms.merge
known_show_keys = transforms.show_keys
known_execute = FakeSnowflakeCursor._execute


def merge(statement):
    source = statement.args.get("using") if isinstance(statement, exp.Merge) else None
    if not isinstance(source, exp.Subquery):
        return known_merge(statement)
    name = exp.to_table(source.alias)
    create = exp.Create(
        this=name,
        kind="TABLE",
        replace=True,
        expression=source.this.copy(),
        properties=exp.Properties(expressions=[exp.TemporaryProperty()]),
    )
    merged = statement.copy()
    merged.set("using", name.copy())
    return [create, *known_merge(merged)]


def show_keys(statement, current_database, *, kind):
    if kind != "UNIQUE" or not isinstance(statement, exp.Show) or statement.name.upper() != "UNIQUE KEYS":
        return known_show_keys(statement, current_database, kind=kind)
    table = statement.args["scope"].name.replace("'", "''")
    return parse_one(
        "SELECT table_name, unnest(constraint_column_names) AS column_name, constraint_text AS constraint_name "
        f"FROM duckdb_constraints WHERE constraint_type = 'UNIQUE' AND table_name = '{table}'"
    )


def execute(self, transformed, *args, **kwargs):
    if transformed.find(exp.TemporaryProperty):
        # It would note these in a database of its own, which DuckDB forbids within a transaction.
        for name in ("text_lengths", "table_comment"):
            transformed.args.pop(name, None)
    try:
        return known_execute(self, transformed, *args, **kwargs)
    except duckdb.ConstraintException as error:
        raise errors.ProgrammingError(msg=str(error), errno=100072, sqlstate="22000") from error
    except (duckdb.OutOfRangeException, duckdb.InvalidInputException) as error:
        raise errors.ProgrammingError(msg=str(error), errno=100046, sqlstate="22003") from error


transforms.merge = merge
transforms.show_keys = show_keys
FakeSnowflakeCursor._execute = execute


# Transactions, one at a time.

holder = None
asking = set()
last_seen = {}


def token_of(scope):
    header = dict(scope["headers"]).get(b"authorization", b"").decode()
    return header[17:-1]


async def begin(token):
    global holder
    while holder in sessions and holder != token and token in sessions:
        if holder not in asking and time.monotonic() - last_seen[holder] > settings.get("idleSeconds", 300):
            roll_back(holder)
        await asyncio.sleep(0.01)
    if token in sessions:
        holder = token


def end(token):
    global holder
    if holder == token:
        holder = None


def roll_back(token):
    connection = sessions.get(token)
    if connection:
        try:
            connection._duck_conn.interrupt()
            connection._duck_conn.rollback()
        except duckdb.Error:
            pass
    end(token)


# Who may sign in.


def refusal(login):
    """The error that Snowflake has for this login, or None."""
    if settings.get("user") is None:
        return None
    if login.get("AUTHENTICATOR") == "SNOWFLAKE_JWT":
        return None if is_signed(login) else ("390144", "JWT token is invalid.")
    known = login.get("LOGIN_NAME") == settings["user"] and login.get("PASSWORD") == settings.get("password")
    return None if known else ("390100", "Incorrect username or password was specified.")


def is_signed(login):
    """Snowflake knows a key by the SHA-256 of its DER, and wants it in the issuer beside account and user."""
    pem = settings.get("publicKey", "").encode()
    try:
        key = serialization.load_pem_public_key(pem)
        # The driver writes the time of issue in milliseconds.
        claims = jwt.decode(login["TOKEN"], key, algorithms=["RS256"], options={"verify_iat": False})
    except (ValueError, jwt.InvalidTokenError):
        return False
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
    name = f"{login['ACCOUNT_NAME']}.{settings['user']}".upper()
    return claims["sub"] == name and claims["iss"] == f"{name}.{fingerprint}"


class Adapter:
    """Stands before fakesnow, and changes what goes in and out."""

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await app(scope, receive, send)
        body = plain(scope, await whole(receive))
        scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"content-encoding"]}
        token = token_of(scope)
        if scope["path"] == "/cut":
            return await answer(send, {"cut": cut()})
        if scope["path"] == "/session/v1/login-request":
            code = refusal(json.loads(body)["data"])
            if code:
                return await answer(send, {"data": {"nextAction": "RETRY_LOGIN"}, **failure(*code)})
        if scope["path"] == "/session" and b"delete=true" in scope["query_string"]:
            roll_back(token)
        if scope["path"] != "/queries/v1/query-request":
            return await app(scope, replay(body), send)
        asking.add(token)
        try:
            await answer(send, await self.query(scope, token, json.loads(body)))
        finally:
            asking.discard(token)
            last_seen[token] = time.monotonic()

    async def query(self, scope, token, request):
        word = request["sqlText"].split(None, 1)[0].upper()
        if word == "BEGIN":
            await begin(token)
        if token not in sessions:
            return failure("390111", "Session no longer exists. New login required to access the service.")
        if request["sqlText"].startswith("ALTER SESSION SET "):
            request["sqlText"] = "SELECT 'Statement executed successfully.' AS status"
        status, body = await answer_of(scope, json.dumps(request).encode())
        if word in ("COMMIT", "ROLLBACK"):
            end(token)
        return in_json(body) if status == 200 else failed(status, body)


def cut():
    """Ends the sessions that wait for an answer, as an administrator would; says how many."""
    ended = list(asking)
    for token in ended:
        roll_back(token)
        sessions.pop(token, None)
    return len(ended)


def failure(code, message):
    return {"success": False, "code": code, "message": message}


async def answer(send, content):
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def failed(status, body):
    """The driver would ask again, a thousand times, where fakesnow does not know what to do."""
    message = f"fakesnow answered {status}: {body.decode(errors='replace')[:1000]}"
    return {**failure("009999", message), "data": {"errorCode": "009999", "sqlState": "99999"}}


def plain(scope, body):
    return gzip.decompress(body) if dict(scope["headers"]).get(b"content-encoding") == b"gzip" else body


async def whole(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def replay(body):
    async def receive():
        return {"type": "http.request", "body": body}

    return receive


async def answer_of(scope, body):
    status, parts = 500, []

    async def keep(message):
        nonlocal status
        status = message.get("status", status)
        parts.append(message.get("body", b""))

    await app(scope, replay(body), keep)
    return status, b"".join(parts)


if __name__ == "__main__":
    shared_fs.db_path = sys.argv[2]
    settings = json.loads(sys.argv[3])
    uvicorn.run(Adapter(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
