;; Arithmetic over all pairs of a set of numbers, and their printed forms.
(import (scheme base) (scheme write) (scheme inexact))

(define numbers
  (list 0 1 -1 2 7 -13 1/2 -7/3 22/7 0.5 -2.25 1e10 123456789012345678901234567890
        -98765432109876543210 (expt 2 60) (- (expt 2 60)) (- (expt 2 61)) 3.0 1e22 1e-7 0.1))

;; Inexact numbers by their exact value: their printed forms may differ.
(define (show . items)
  (for-each
   (lambda (x)
     (if (and (number? x) (inexact? x) (finite? x))
         (begin (display "~") (write (exact x)))
         (write x))
     (display " "))
   items)
  (newline))

(define (binary name f)
  (display name) (newline)
  (for-each
   (lambda (a) (for-each (lambda (b) (show a b (f a b))) numbers))
   numbers))

(binary '+ +)
(binary '- -)
(binary '* *)
(binary '/ (lambda (a b) (if (zero? b) 'none (/ a b))))
(binary '< <)
(binary '= =)
(binary 'max max)

(define integers
  (list 1 -1 2 -2 7 -7 10 1000003 (expt 10 20) (- (expt 10 20)) (expt 2 62) 12345678901234567890123))
(for-each
 (lambda (a)
   (for-each
    (lambda (b)
      (show a b (quotient a b) (remainder a b) (modulo a b) (gcd a b) (lcm a b)
            (floor-quotient a b) (floor-remainder a b)))
    integers))
 integers)

(for-each
 (lambda (x) (show x (floor x) (ceiling x) (round x) (truncate x) (exact (floor x)) (number->string (exact x) 16)))
 (list 0.5 1.5 2.5 -0.5 -1.5 3.7 -3.7 1/2 3/2 -5/2 7 1e15 123456789.5))

(do ((i 0 (+ i 1))) ((> i 60))
  (show i (expt 3 i) (expt 2/3 i) (exact-integer? (expt 3 i)) (number->string (expt 7 i) 2)
        (call-with-values (lambda () (exact-integer-sqrt (expt 3 i))) list)))

(for-each
 (lambda (s) (show s (string->number s)))
 '("1" "-1" "+5" "1/2" "-3/6" "1e3" "1.5e-3" ".5" "5." "abc" "1/0" "" "-" "+" "#xff" "#b101" "#o17" "#e1.25" "#i1/4"))
(for-each
 (lambda (x) (show (number->string x)))
 (list 123456.789 (/ 1. 3) 100.0 -0.0 12345678.9 0.001 1234.5 99999.0 1.5 -2.25))
