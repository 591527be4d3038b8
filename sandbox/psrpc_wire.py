"""The messages of psrpc, and of the calls that LiveKit's server makes to its SIP service: as far as they are used here.

Owns: their shapes, and the names of Redis's channels. Refuses: sending anything (`sandbox.psrpc`).

Field numbers are those of livekit/psrpc 0.7 (internal.proto) and livekit/protocol 1.50 (rpc/sip.proto). Neither package
exists for Python, so that the descriptors are made here, in a pool of their own; fields that are left out stay unknown.
"""

import re
from typing import Any

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_TYPES = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "float": FieldDescriptorProto.TYPE_FLOAT,
}
_ANY, _DURATION = ".google.protobuf.Any", ".google.protobuf.Duration"

# name: number and type; "map" is a map of texts, "*" stands before what is repeated
_ENVELOPE: dict[str, dict[str, tuple[int, str]]] = {
    "Msg": {"type_url": (1, "string"), "value": (2, "bytes"), "channel": (3, "string")},
    "Request": {
        "request_id": (1, "string"),
        "client_id": (2, "string"),
        "sent_at": (3, "int64"),
        "expiry": (4, "int64"),
        "multi": (5, "bool"),
        "raw_request": (8, "bytes"),
    },
    "Response": {
        "request_id": (1, "string"),
        "server_id": (2, "string"),
        "sent_at": (3, "int64"),
        "error": (5, "string"),
        "code": (6, "string"),
        "raw_response": (7, "bytes"),
        "error_details": (8, f"*{_ANY}"),
    },
    "ClaimRequest": {"request_id": (1, "string"), "server_id": (2, "string"), "affinity": (3, "float")},
    "ClaimResponse": {"request_id": (1, "string"), "server_id": (2, "string")},
}
_SIP: dict[str, dict[str, tuple[int, str]]] = {
    "InternalCreateSIPParticipantRequest": {
        "address": (2, "string"),
        "number": (3, "string"),
        "call_to": (4, "string"),
        "username": (5, "string"),
        "password": (6, "string"),
        "room_name": (7, "string"),
        "participant_identity": (8, "string"),
        "dtmf": (11, "string"),
        "play_dialtone": (12, "bool"),
        "sip_call_id": (13, "string"),
        "participant_name": (14, "string"),
        "participant_metadata": (15, "string"),
        "participant_attributes": (17, "map"),
        "sip_trunk_id": (19, "string"),
        "hostname": (20, "string"),
        "headers": (21, "map"),
        "ringing_timeout": (23, _DURATION),
        "max_call_duration": (24, _DURATION),
        "wait_until_answered": (29, "bool"),
    },
    "InternalCreateSIPParticipantResponse": {
        "participant_id": (1, "string"),
        "participant_identity": (2, "string"),
        "sip_call_id": (3, "string"),
    },
    "InternalTransferSIPParticipantRequest": {
        "sip_call_id": (1, "string"),
        "transfer_to": (2, "string"),
        "play_dialtone": (3, "bool"),
        "headers": (4, "map"),
        "ringing_timeout": (5, _DURATION),
    },
}


def _field(name: str, number: int, kind: str) -> FieldDescriptorProto:
    bare = kind.removeprefix("*")
    field = FieldDescriptorProto(name=name, number=number)
    field.label = FieldDescriptorProto.LABEL_REPEATED if kind.startswith("*") else FieldDescriptorProto.LABEL_OPTIONAL
    if bare in _TYPES:
        field.type = _TYPES[bare]
    else:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, bare
    return field


def _message(package: str, name: str, fields: dict[str, tuple[int, str]]) -> DescriptorProto:
    made = DescriptorProto(name=name)
    for field_name, (number, kind) in fields.items():
        if kind != "map":
            made.field.append(_field(field_name, number, kind))
            continue
        entry = made.nested_type.add(name="".join(map(str.title, field_name.split("_"))) + "Entry")
        entry.field.extend([_field("key", 1, "string"), _field("value", 2, "string")])
        entry.options.map_entry = True
        made.field.append(_field(field_name, number, f"*.{package}.{name}.{entry.name}"))
    return made


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for known in (any_pb2, duration_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    for package, shapes in (("internal", _ENVELOPE), ("rpc", _SIP)):
        file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
        file.dependency.extend([any_pb2.DESCRIPTOR.name, duration_pb2.DESCRIPTOR.name])
        file.message_type.extend(_message(package, name, fields) for name, fields in shapes.items())
        pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _pool()


def _type(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(name))


Request, Response = _type("internal.Request"), _type("internal.Response")
ClaimRequest, ClaimResponse = _type("internal.ClaimRequest"), _type("internal.ClaimResponse")
CreateParticipant = _type("rpc.InternalCreateSIPParticipantRequest")
ParticipantCreated = _type("rpc.InternalCreateSIPParticipantResponse")
TransferParticipant = _type("rpc.InternalTransferSIPParticipantRequest")
_Msg = _type("internal.Msg")


def seal(message: Any) -> bytes:
    """A message as the bus carries it."""
    url = f"type.googleapis.com/{message.DESCRIPTOR.full_name}"
    return _Msg(type_url=url, value=message.SerializeToString()).SerializeToString()


def unseal(kind: Any, data: bytes) -> Any:
    """Raises DecodeError."""
    return kind.FromString(_Msg.FromString(data).value)


def channel(*parts: str) -> str:
    """`SIPInternal|TransferSIPParticipant|SCL_x|REQ`; an empty part has no place in it."""
    return "|".join(re.sub(r"\W", _escaped, part, flags=re.ASCII) for part in parts if part)


def _escaped(found: "re.Match[str]") -> str:
    code = ord(found.group())
    return f"u+{code:04x}" if code < 0x10000 else f"U+{code:08x}"
