//! A person's initials on their colour.

use pesan::chat::avatar;

use super::dom::El;

/// Makes an element the face of someone; the name stands beside it.
#[inline(never)]
pub(crate) fn face(place: &El, id: &str, name: &str, small: bool) {
    let class = if small { "face small tint-" } else { "face tint-" };
    place.set("class", Some(&[class, &avatar::tint(id).to_string()].concat()));
    place.write(&avatar::initials(name));
}
