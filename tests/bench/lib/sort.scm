;; Sorting a million: lists and vectors, numbers and strings; by the system's own predicates and by a
;; procedure of the program; a list that is in order.
(define (numbers n)
  (let loop ((i 0) (x 42) (list '()))
    (if (= i n)
        list
        (let ((next (remainder (+ (* x 1103515245) 12345) 2147483648)))
          (loop (+ i 1) next (cons next list))))))

(define ints (numbers 1000000))
(define strings (map (lambda (i) (string-append "key-" (number->string i))) ints))
(define int-vector (list->vector ints))
(define string-vector (list->vector strings))
(define (smaller? a b) (< a b))
(define (nearer? a b) (< (remainder a 1000000) (remainder b 1000000)))
(define (in-order? items)
  (or (null? (cdr items)) (and (<= (car items) (car (cdr items))) (in-order? (cdr items)))))

(define sorted (bench "sort_list" (lambda () (sort-list < ints))))
(check "sort_list" #t (in-order? sorted))
(bench "sort_list_proc" (lambda () (sort-list smaller? ints)))
(bench "sort_list_key" (lambda () (sort-list nearer? ints)))
(bench "sort_list_done" (lambda () (sort-list < sorted)))
(bench "sort_list_str" (lambda () (sort-list string<? strings)))
(bench "sort_vec" (lambda () (sort-vector < int-vector)))
(bench "sort_vec_str" (lambda () (sort-vector string<? string-vector)))
(bench "sort_vec!" (lambda () (sort-vector! < int-vector)))
(check "sort_vec!" sorted (vector->list int-vector))
