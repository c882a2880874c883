;; SRFI 1 on random lists: every result must be the same.
(import (scheme base) (scheme write) (srfi 1))

(define (show . xs) (write xs) (newline))
(define-syntax values-of (syntax-rules () ((_ e) (call-with-values (lambda () e) list))))

(define seed 2463534242)
(define (random n)
  (set! seed (modulo (+ (* seed 1103515245) 12345) 2147483648))
  (modulo (quotient seed 1024) n))
(define (random-list n limit) (if (= n 0) '() (cons (random limit) (random-list (- n 1) limit))))

(define (try a b k)
  (show (take a k) (drop a k) (take-right a k) (drop-right a k) (values-of (split-at a k)))
  (show (take! (list-copy a) k) (drop-right! (list-copy a) k) (values-of (split-at! (list-copy a) k)))
  (show (fold cons* '() a b) (fold-right cons* '() a (map - a)) (pair-fold cons* '() a b) (pair-fold-right cons* '() a b))
  (show (reduce + 0 a) (reduce - 0 a) (reduce-right - 0 a) (reduce max 0 b))
  (show (append-reverse a b) (append! (list-copy a) (list-copy b)) (reverse! (list-copy a)) (concatenate (list a b a)))
  (show (zip a b) (values-of (unzip2 (zip a b))) (count < a b) (count even? a) (length+ a))
  (show (filter even? a) (remove even? a) (values-of (partition even? a)) (filter-map (lambda (x) (and (odd? x) (* x x))) a))
  (show (find even? a) (find-tail odd? a) (any even? a) (every odd? a) (any < a b) (every < a b) (list-index = a b) (list-index even? a))
  (show (take-while even? a) (drop-while even? a) (values-of (span even? a)) (values-of (break even? a)))
  (show (delete k a) (delete k a <) (delete-duplicates a) (append-map list a b) (map-in-order + a b))
  (show (alist-delete k (zip a b)) (list= = a b) (list= = a (list-copy a)) (lset<= = a b) (lset= = a (reverse a)))
  (show (lset-adjoin = a k) (lset-union = a b) (lset-intersection = a b) (lset-difference = a b) (values-of (lset-diff+intersection = a b)))
  (show (unfold null? car cdr a) (unfold-right null? car cdr a) (list-tabulate k square) (xcons a b)))

(do ((i 0 (+ i 1))) ((= i 60))
  (let* ((n (random 12)) (a (random-list n 10)) (b (random-list (random 12) 10)))
    (try a b (random (+ n 1)))))

(show (map (lambda (x) (list (proper-list? x) (dotted-list? x) (circular-list? x))) (list '() '(1) '(1 . 2) 5 (circular-list 1 2))))
(show (take '(1 2 . 3) 2) (drop '(1 2 . 3) 2) (take-right '(1 2 . 3) 1) (drop-right '(1 2 . 3) 1) (last '(1 2 . 3)))
(show (any (lambda (x y) (and (= x y) x)) (circular-list 1 2 3) '(3 1 3)) (map + (circular-list 1 2) '(10 20 30)))
