;; Merge sort of a list of 200,000 numbers.
(define (numbers n)
  (let loop ((i 0) (x 42) (list '()))
    (if (= i n)
        list
        (let ((next (remainder (+ (* x 1103515245) 12345) 2147483648)))
          (loop (+ i 1) next (cons next list))))))

(define (merge-lists a b)
  (cond ((null? a) b)
        ((null? b) a)
        ((< (car b) (car a)) (cons (car b) (merge-lists a (cdr b))))
        (else (cons (car a) (merge-lists (cdr a) b)))))

(define (split list a b) (if (null? list) (sort-both a b) (split (cdr list) (cons (car list) b) a)))
(define (sort-both a b) (merge-lists (msort a) (msort b)))
(define (msort list)
  (if (or (null? list) (null? (cdr list))) list (split list '() '())))

(define (ordered? list)
  (or (null? list) (null? (cdr list))
      (and (<= (car list) (car (cdr list))) (ordered? (cdr list)))))

(define input (numbers 200000))
(check "msort" #t (ordered? (bench "msort" (lambda () (msort input)))))
