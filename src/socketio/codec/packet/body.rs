//! What a packet of each type carries, whatever the wire format.

use super::{Body, DecodeError, EventName};
use crate::socketio::value::Value;

pub(crate) fn connect(payload: Option<Value>) -> Result<Body, DecodeError> {
    match payload {
        None | Some(Value::Object(_)) => Ok(Body::Connect(payload)),
        Some(_) => Err(DecodeError::InvalidPayload("CONNECT carries an object")),
    }
}

pub(crate) fn disconnect(payload: Option<&Value>) -> Result<Body, DecodeError> {
    match payload {
        None => Ok(Body::Disconnect),
        Some(_) => Err(DecodeError::InvalidPayload("DISCONNECT carries nothing")),
    }
}

pub(crate) fn event(id: Option<u64>, payload: Option<Value>) -> Result<Body, DecodeError> {
    let Some(Value::Array(mut args)) = payload else {
        return Err(DecodeError::InvalidPayload("EVENT carries an array"));
    };
    let name = match args.first_mut() {
        Some(Value::String(text)) => EventName::from(std::mem::take(text)),
        Some(Value::Number(number)) => EventName::from(*number),
        _ => return Err(DecodeError::InvalidPayload("EVENT begins with its name")),
    };
    if let Some(name) = name.reserved() {
        return Err(DecodeError::ReservedName(name));
    }
    args.remove(0);
    Ok(Body::Event { id, name, args })
}

pub(crate) fn ack(id: Option<u64>, payload: Option<Value>) -> Result<Body, DecodeError> {
    let Some(Value::Array(args)) = payload else {
        return Err(DecodeError::InvalidPayload("ACK carries an array"));
    };
    let id = id.ok_or(DecodeError::MissingAckId)?;
    Ok(Body::Ack { id, args })
}

pub(crate) fn connect_error(payload: Option<Value>) -> Result<Body, DecodeError> {
    match payload {
        None | Some(Value::Object(_) | Value::String(_)) => Ok(Body::ConnectError(payload)),
        Some(_) => Err(DecodeError::InvalidPayload(
            "CONNECT_ERROR carries an object or a string",
        )),
    }
}
