//! The files that any `.proto` may import without the user bringing them along.

/// The text of a file that Portolan carries. `google/protobuf/*` is not here: protox brings it.
pub(super) fn text(name: &str) -> Option<&'static str> {
    macro_rules! carried {
        ($($name:literal),* $(,)?) => {
            match name {
                $($name => Some(include_str!(concat!("../../../../proto/", $name))),)*
                _ => None,
            }
        };
    }
    carried!(
        "buf/validate/validate.proto",
        "google/api/annotations.proto",
        "google/api/client.proto",
        "google/api/field_behavior.proto",
        "google/api/http.proto",
        "google/api/resource.proto",
        "google/longrunning/operations.proto",
        "google/rpc/code.proto",
        "google/rpc/error_details.proto",
        "google/rpc/status.proto",
        "google/type/date.proto",
        "google/type/datetime.proto",
        "google/type/dayofweek.proto",
        "google/type/decimal.proto",
        "google/type/interval.proto",
        "google/type/latlng.proto",
        "google/type/localized_text.proto",
        "google/type/money.proto",
        "google/type/month.proto",
        "google/type/phone_number.proto",
        "google/type/postal_address.proto",
        "google/type/timeofday.proto",
        "portolan/v1/acknowledgement.proto",
        "portolan/v1/operation.proto",
    )
}
