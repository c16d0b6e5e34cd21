//! Large primes for RSA keys.
//!
//! The library that signs with them tries number after number by exponentiation, which takes ten seconds and more for
//! a key of 4096 bits. Here small divisors are sieved out of a whole stretch of numbers first.

use rand_core::RngCore;
use rsa::BigUint;

use super::crypto::Random;

/// The exponent of public keys; a prime that is one more than a multiple of it would be of no use.
pub(super) const EXPONENT: u32 = 65_537;

/// Divisors below this are sieved out.
const SIEVED: u32 = 1 << 16;

/// How many odd numbers are sieved at once; primes of 2048 bits are 710 of them apart.
const STRETCH: usize = 4096;

/// Rounds of Miller and Rabin's test: FIPS 186-5 asks for five for the smallest of these primes.
const ROUNDS: usize = 5;

/// A random prime with its two highest bits set, so that the product of two has twice the bits.
pub(super) fn prime(random: &mut Random<'_>, bits: usize) -> BigUint {
    let divisors = odd_primes();
    let mut bytes = vec![0; bits / 8];
    loop {
        random.fill_bytes(&mut bytes);
        if let Some(first) = bytes.first_mut() {
            *first |= 0xc0;
        }
        if let Some(last) = bytes.last_mut() {
            *last |= 1;
        }
        let start = BigUint::from_bytes_be(&bytes);
        let mut composite = vec![false; STRETCH];
        for divisor in &divisors {
            sieve(&mut composite, remainder(&bytes, *divisor), *divisor);
        }
        let candidates = composite.iter().enumerate().filter(|(_, composite)| !**composite);
        let found = candidates
            .map(|(at, _)| &start + BigUint::from(2 * at))
            .take_while(|number| number.bits() == bits)
            .filter(|number| number % EXPONENT != BigUint::from(1_u8))
            .find(|number| probably_prime(number, random));
        if let Some(found) = found {
            return found;
        }
    }
}

/// All odd primes below [`SIEVED`].
fn odd_primes() -> Vec<u32> {
    let mut primes: Vec<u32> = Vec::new();
    let divides = |number: u32| move |prime: &&u32| number.is_multiple_of(**prime);
    for number in (3..SIEVED).step_by(2) {
        let mut small = primes.iter().take_while(|prime| **prime * **prime <= number);
        if !small.any(|prime| divides(number)(&prime)) {
            primes.push(number);
        }
    }
    primes
}

fn remainder(bytes: &[u8], divisor: u32) -> u32 {
    // A remainder is below 2^16, so this fits.
    bytes.iter().fold(0, |rest, byte| ((rest << 8) | u32::from(*byte)) % divisor)
}

/// Marks the multiples of a divisor among the odd numbers from one with this remainder on.
fn sieve(composite: &mut [bool], remainder: u32, divisor: u32) {
    let missing = (divisor - remainder) % divisor;
    // Steps are of two; an odd distance is even with the divisor, which is odd, on top.
    let steps = if missing.is_multiple_of(2) { missing / 2 } else { missing.midpoint(divisor) };
    let (first, step) = (steps as usize, divisor as usize);
    composite.iter_mut().skip(first).step_by(step).for_each(|composite| *composite = true);
}

/// Miller and Rabin's test with random bases.
fn probably_prime(number: &BigUint, random: &mut Random<'_>) -> bool {
    let one = BigUint::from(1_u8);
    let last = number - &one;
    let twos = last.to_bytes_le().iter().take_while(|byte| **byte == 0).count() * 8;
    let mut odd = &last >> twos;
    let mut twos = twos;
    while &odd % 2_u8 != one {
        odd >>= 1;
        twos += 1;
    }
    let mut bytes = vec![0; number.bits() / 8 - 1];
    (0..ROUNDS).all(|_| {
        random.fill_bytes(&mut bytes);
        let base = BigUint::from_bytes_be(&bytes) + 2_u8;
        let mut power = base.modpow(&odd, number);
        if power == one || power == last {
            return true;
        }
        (1..twos).any(|_| {
            power = &power * &power % number;
            power == last
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fixed;

    #[test]
    fn primes_are_told_from_other_numbers() {
        let environment = Fixed::default();
        let mut random = Random(&environment);
        let mut is_prime =
            |text: &[u8]| probably_prime(&BigUint::parse_bytes(text, 10).unwrap(), &mut random);
        // 2^127 - 1, and products of two primes, one of them a Carmichael number.
        assert!(is_prime(b"170141183460469231731687303715884105727"));
        assert!(!is_prime(b"170141183460469231731687303715884105725"));
        assert!(!is_prime(b"349407515342287435050603204719587201"));
        assert_eq!(odd_primes().len(), 6541);
    }

    #[test]
    fn primes_have_their_size() {
        let environment = Fixed::default();
        let number = prime(&mut Random(&environment), 512);
        assert_eq!(number.bits(), 512);
        assert!(odd_primes().iter().all(|divisor| &number % *divisor != BigUint::from(0_u8)));
    }
}
