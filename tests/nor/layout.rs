// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which partitions are taken.

use security_domain::storage::{Flash, NorLayoutError, NorSlots, NorStorage};

use crate::double::Nor;

#[test]
fn a_partition_that_is_too_small_says_what_it_needs() {
    type Chip = Nor<4, 8, 2048>;
    // Two slots of 2 pages, and two pages for the counter.
    assert_eq!(NorSlots::<Chip>::partition_len(2048 - 8), Some(2 * 2048));
    assert_eq!(NorSlots::<Chip>::partition_len(2048 - 7), Some(4 * 2048));
    assert_eq!(NorStorage::<Chip>::partition_len(3000), Some(6 * 2048));
    let refused = NorStorage::new(Chip::new(5 * 2048), 3000).unwrap_err();
    let (needed, capacity) = (6 * 2048, 5 * 2048);
    assert_eq!(refused, NorLayoutError::TooSmall { needed, capacity });
    assert_eq!(
        refused.to_string(),
        "the flash partition has 10240 bytes, and 12288 are needed"
    );
    let refused = NorSlots::new(Chip::new(3 * 2048), 3000).unwrap_err();
    let (needed, capacity) = (4 * 2048, 3 * 2048);
    assert_eq!(refused, NorLayoutError::TooSmall { needed, capacity });
    let mut storage = NorStorage::new(Chip::new(6 * 2048), 3000).unwrap();
    assert_eq!(storage.counter(), Ok(0));
    assert!(!storage.counter_is_hardware());
}

#[test]
fn a_driver_of_unusual_sizes_is_refused_by_name() {
    fn refused<const R: usize, const W: usize, const E: usize>() {
        let flash = Nor::<R, W, E>::new(0);
        let sizes = NorLayoutError::Sizes {
            read: R,
            write: W,
            erase: E,
        };
        assert_eq!(NorStorage::new(flash.clone(), 100).unwrap_err(), sizes);
        assert_eq!(NorSlots::new(flash, 100).unwrap_err(), sizes);
        let text = sizes.to_string();
        assert!(
            text.contains(&format!("reads {R}, writes {W} and erases {E} bytes")),
            "{text}"
        );
    }
    refused::<3, 4, 4096>();
    refused::<1, 12, 4092>();
    refused::<1, 1024, 4096>();
    refused::<1024, 4, 4096>();
    refused::<1, 4, 4098>();
    refused::<8, 4, 4100>();
}

#[test]
fn a_record_longer_than_any_flash_is_refused() {
    type Chip = Nor<1, 4, 4096>;
    for longest in [usize::MAX, usize::MAX / 2, usize::MAX / 2 - 5000, 1 << 31] {
        let refused = NorStorage::new(Chip::new(4096), longest).unwrap_err();
        assert_eq!(refused, NorLayoutError::TooLong { longest });
        let refused = NorSlots::new(Chip::new(4096), longest).unwrap_err();
        assert_eq!(refused, NorLayoutError::TooLong { longest });
        assert!(refused.to_string().contains(&longest.to_string()));
    }
}
