// SPDX-License-Identifier: MIT OR Apache-2.0
//! A short list of what a parsed file holds.

use core::iter::Flatten;
use core::slice;

/// At most `N` values, in order.
///
/// It has no drop glue, unlike `heapless::Vec`. So a view that holds one borrows the file's bytes
/// only until its last use, not to the end of its scope.
#[derive(Clone, Copy, Debug)]
pub struct List<T, const N: usize>([Option<T>; N]);

/// The list already holds as many values as it can.
#[derive(Debug)]
pub struct Full;

impl<T: Copy, const N: usize> List<T, N> {
    pub const fn new() -> Self {
        Self([None; N])
    }

    pub fn push(&mut self, value: T) -> Result<(), Full> {
        let free = self.0.iter_mut().find(|place| place.is_none());
        *free.ok_or(Full)? = Some(value);
        Ok(())
    }

    pub fn iter(&self) -> Flatten<slice::Iter<'_, Option<T>>> {
        self.0.iter().flatten()
    }

    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.0.get_mut(place)?.as_mut()
    }

    pub fn len(&self) -> usize {
        self.iter().count()
    }

    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl<'l, T: Copy, const N: usize> IntoIterator for &'l List<T, N> {
    type Item = &'l T;
    type IntoIter = Flatten<slice::Iter<'l, Option<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_the_order_and_refuses_more_than_it_holds() {
        let mut list = List::<u8, 2>::new();
        assert!(list.is_empty());
        list.push(7).unwrap();
        list.push(5).unwrap();
        assert!(matches!(list.push(6), Err(Full)));
        assert_eq!(list.iter().collect::<std::vec::Vec<_>>(), [&7, &5]);
        assert_eq!((list.len(), list.is_empty()), (2, false));
    }
}
