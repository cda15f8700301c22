//! `grpc.reflection`, v1 and v1alpha: one protocol under two names, their messages the same on the wire.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use portolan_delivery::{Failure, Status};
use prost::Message as _;
use tokio::sync::mpsc;
use tonic_reflection::pb::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::{
    codec::{self, Messages},
    refusal,
    service::{Service, until_draining},
};

/// Answers each question of the stream, until the caller or the source ends it.
pub(crate) fn serve(
    service: Arc<Service>,
    mut questions: Messages<Incoming>,
) -> mpsc::Receiver<Result<Bytes, Failure>> {
    // One answer waits while its caller reads the last: a caller that does not read gets no more made.
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut draining = service.draining.clone();
        loop {
            let question = tokio::select! {
                question = questions.next() => question,
                () = sender.closed() => return,
                () = until_draining(&mut draining) => Err(refusal::draining()),
            };
            let answer = match question {
                Ok(None) => return,
                Ok(Some(question)) => answer(&service, question),
                Err(failure) => Err(failure),
            };
            let last = answer.is_err();
            if sender.send(answer).await.is_err() || last {
                return;
            }
        }
    });
    receiver
}

fn answer(service: &Service, question: Bytes) -> Result<Bytes, Failure> {
    let question = ServerReflectionRequest::decode(question)
        .map_err(|_| refusal::malformed_message("grpc.reflection.v1.ServerReflectionRequest"))?;
    let asked = question
        .message_request
        .clone()
        .ok_or_else(|| refusal::malformed_message("grpc.reflection.v1.ServerReflectionRequest"))?;
    let response = ServerReflectionResponse {
        valid_host: question.host.clone(),
        original_request: Some(question),
        message_response: Some(look_up(service, asked)),
    };
    codec::framed(&response.encode_to_vec()).ok_or_else(refusal::internal)
}

fn look_up(service: &Service, asked: MessageRequest) -> MessageResponse {
    let intake = &*service.intake;
    let index = service.descriptors.current(intake);
    let files = |found: Option<Vec<Vec<u8>>>, what: &str| match found {
        Some(file_descriptor_proto) => {
            MessageResponse::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto })
        }
        None => not_found(what),
    };
    match asked {
        MessageRequest::FileByFilename(name) => files(index.file(&name), "file"),
        MessageRequest::FileContainingSymbol(name) => files(index.symbol(&name), "symbol"),
        MessageRequest::FileContainingExtension(asked) => {
            files(index.extension(&asked.containing_type, asked.extension_number), "extension")
        }
        MessageRequest::AllExtensionNumbersOfType(base_type_name) => {
            match index.extension_numbers(&base_type_name) {
                Some(extension_number) => {
                    MessageResponse::AllExtensionNumbersResponse(ExtensionNumberResponse {
                        base_type_name,
                        extension_number,
                    })
                }
                None => not_found("type"),
            }
        }
        MessageRequest::ListServices(_) => {
            let names = index.services(intake, service.options.reflection);
            let service = names.into_iter().map(|name| ServiceResponse { name }).collect();
            MessageResponse::ListServicesResponse(ListServiceResponse { service })
        }
    }
}

fn not_found(what: &str) -> MessageResponse {
    MessageResponse::ErrorResponse(ErrorResponse {
        error_code: Status::NotFound as i32,
        error_message: format!("there is no such {what} among what is served"),
    })
}
