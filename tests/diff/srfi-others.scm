;; SRFI 132, 133 and 151 against what other libraries have of them: R6RS sorting, SRFI 43, SRFI 60.
(import (scheme base) (scheme write))
(cond-expand
  (guile (import (only (rnrs sorting) list-sort vector-sort vector-sort!)))
  (else (import (only (srfi 132) list-sort vector-sort vector-sort!))))
(cond-expand
  (guile
   (import (only (srfi 43) vector-unfold vector-unfold-right vector-reverse-copy vector-concatenate
                 vector-index vector-index-right vector-skip vector-skip-right vector-any vector-every
                 vector-binary-search vector-swap! vector-reverse! vector-reverse-copy! reverse-vector->list
                 reverse-list->vector vector=)))
  (else
   (import (only (srfi 133) vector-unfold vector-unfold-right vector-reverse-copy vector-concatenate
                 vector-index vector-index-right vector-skip vector-skip-right vector-any vector-every
                 vector-binary-search vector-swap! vector-reverse! vector-reverse-copy! reverse-vector->list
                 reverse-list->vector vector=))))
(cond-expand
  (guile
   (import (rename (only (srfi 60) bitwise-and bitwise-ior bitwise-xor bitwise-not bitwise-if arithmetic-shift
                         bit-count integer-length bit-set? copy-bit first-set-bit bit-field copy-bit-field
                         rotate-bit-field reverse-bit-field)
                   (copy-bit-field bit-field-replace)
                   (rotate-bit-field bit-field-rotate)
                   (reverse-bit-field bit-field-reverse)
                  )))
  (else
   (import (only (srfi 151) bitwise-and bitwise-ior bitwise-xor bitwise-not bitwise-if arithmetic-shift bit-count
                 integer-length bit-set? copy-bit first-set-bit bit-field bit-field-replace bit-field-rotate
                 bit-field-reverse))))

(define (show . xs) (write xs) (newline))
(define seed 88172645)
(define (random n)
  (set! seed (modulo (+ (* seed 1103515245) 12345) 2147483648))
  (modulo (quotient seed 1024) n))
(define (random-list n limit) (if (= n 0) '() (cons (random limit) (random-list (- n 1) limit))))
(define (random-big k) (if (= k 0) (- (random 1000) 500) (+ (* (random-big (- k 1)) 65536) (random 65536))))

;; ---- sorting, stable
(define (key< a b) (< (car a) (car b)))
(do ((i 0 (+ i 1))) ((= i 60))
  (let* ((items (random-list (random 40) 10)) (pairs (map cons items (random-list (length items) 1000)))
         (v (list->vector items)))
    (show (list-sort < items) (list-sort > items) (list-sort key< pairs) (vector-sort < v))
    (vector-sort! > v)
    (show v)))

;; ---- vectors
(do ((i 0 (+ i 1))) ((= i 40))
  (let* ((n (+ 1 (random 9))) (v (list->vector (random-list n 10))) (w (list->vector (random-list n 10))))
    (show v w (vector-reverse-copy v) (vector-concatenate (list v w v)) (vector= = v w) (vector= = v (vector-copy v)))
    (show (vector-index even? v) (vector-index-right even? v) (vector-skip even? v) (vector-skip-right even? v))
    (show (vector-index < v w) (vector-any < v w) (vector-every < v w) (vector-any even? v) (vector-every even? v))
    (show (vector-binary-search (vector-sort < v) 5 -) (reverse-vector->list v) (reverse-list->vector (vector->list w)))
    (vector-swap! v 0 (- n 1))
    (vector-reverse! w)
    (show v w (vector-unfold (lambda (i x) (values (* i x) (+ x 1))) n 3) (vector-unfold-right (lambda (i x) (values (- i x) (+ x 2))) n 3))
    (vector-reverse-copy! v 0 w 0 (quotient n 2))
    (show v)))

;; ---- bits
(do ((i 0 (+ i 1))) ((= i 100))
  (let* ((a (random-big (random 12))) (b (random-big (random 12))) (c (random-big (random 6)))
         (start (random 90)) (end (+ start (random 90))) (k (random 200)))
    (show a b (bitwise-and a b) (bitwise-ior a b) (bitwise-xor a b) (bitwise-not a) (bitwise-if a b c))
    (show (arithmetic-shift a k) (arithmetic-shift a (- k)) (bit-count (abs a)) (integer-length a) (first-set-bit (+ 1 (abs a))))
    (show (bit-set? k a) (copy-bit k a #t) (copy-bit k a #f))
    (show (bit-field a start end) (bit-field-replace a b start end))
    (show (bit-field-rotate (abs a) (- k 100) start (+ 1 end)) (bit-field-reverse (abs a) start end))))
