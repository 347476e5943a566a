//! Message to bytes and back, for the channel.

use prost::Message;
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Sends `Sent` and receives `Received`.
#[derive(Debug)]
pub(super) struct Messages<Sent, Received>(PhantomData<(Sent, Received)>);

impl<Sent, Received> Default for Messages<Sent, Received> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Sent, Received> Codec for Messages<Sent, Received>
where
    Sent: Message + Send + 'static,
    Received: Message + Default + Send + 'static,
{
    type Encode = Sent;
    type Decode = Received;
    type Encoder = Writer<Sent>;
    type Decoder = Reader<Received>;

    fn encoder(&mut self) -> Self::Encoder {
        Writer(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        Reader(PhantomData)
    }
}

/// Writes messages.
#[derive(Debug)]
pub(super) struct Writer<Sent>(PhantomData<Sent>);

impl<Sent: Message> Encoder for Writer<Sent> {
    type Item = Sent;
    type Error = Status;

    fn encode(&mut self, item: Sent, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer)
            .map_err(|fault| Status::internal(fault.to_string()))
    }
}

/// Reads messages.
#[derive(Debug)]
pub(super) struct Reader<Received>(PhantomData<Received>);

impl<Received: Message + Default> Decoder for Reader<Received> {
    type Item = Received;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Received>, Status> {
        Received::decode(buffer)
            .map(Some)
            .map_err(|fault| Status::internal(fault.to_string()))
    }
}
